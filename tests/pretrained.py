"""Tiny pictures, networks and encoders of random weights, for tests that must not need the hub."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import safetensors.torch
import soundfile
import tokenizers
import torch

from advisor.backbones.engines.network import make_net
from advisor.torchvision_cure import require_cured


def save_pictures(folder: Path, n: int, side: int = 64) -> list[str]:
    """Write n pictures of smooth random colour as JPEG → their paths."""
    rng = np.random.default_rng(n)
    paths = []
    for i in range(n):
        coarse = PIL.Image.fromarray(rng.integers(0, 256, (4, 5, 3), dtype=np.uint8))
        paths.append(str(folder / f"{i}.jpg"))
        coarse.resize((side * 5 // 4, side)).save(paths[-1], quality=95)
    return paths


def save_weights(source: str, side: int, path: Path, n_classes: int = 7) -> Path:
    """Write random weights of a model of timm, its classifier among them, as safetensors or PyTorch file."""
    torch.manual_seed(0)
    state = make_net(source, side, n_classes).state_dict()
    if path.suffix == ".safetensors":
        safetensors.torch.save_file(state, path)
    else:
        torch.save({"state_dict": {f"module.{k}": v for k, v in state.items()}}, path)
    return path


def rewrite_weights(path: Path) -> None:
    """Write other numbers into a file of safetensors."""
    state = safetensors.torch.load_file(path)
    draw = torch.Generator().manual_seed(1)
    for value in state.values():
        if value.is_floating_point() and value.ndim > 1:
            value.mul_(1 + torch.rand(value.shape, generator=draw))
    safetensors.torch.save_file(state, path, metadata={"format": "pt"})


def put_in_hub_cache(hub: Path, repository: str, weights: Path) -> Path:
    """Lay a file of weights out as the hub's own cache does → its path there."""
    folder = hub / f"models--{repository.replace('/', '--')}"
    snapshot = folder / "snapshots" / "0123456789abcdef"
    snapshot.mkdir(parents=True)
    (folder / "refs").mkdir()
    (folder / "refs" / "main").write_text("0123456789abcdef")
    place = snapshot / "model.safetensors"
    place.write_bytes(weights.read_bytes())
    return place


WORDS = [
    "the", "a", "an", "is", "was", "it", "this", "that", "film", "movie", "story", "plot", "good", "great", "bad",
    "boring", "funny", "what", "who", "where", "when", "which", "how", "many", "did", "does", "do", "city", "river",
    "king", "year", "man", "woman", "bank", "loan", "rate", "price", "oil", "wheat", "trade", "play", "music", "long",
    "short", "not", "very",
]  # fmt: skip
"""Whole words that the tiny tokenizers know; all others are cut into letters."""

LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789"


def tiny_bert(folder: Path, sentence: bool = False, *, width: int = 16, layers: int = 2) -> Path:
    """Save a BERT of random weights with its tokenizer, as Hugging Face or as sentence-transformers → the folder."""
    transformers = require_cured("transformers", extra="text")
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *WORDS, *LETTERS[1:], "?", ".", ","]
    vocabulary += [f"##{letter}" for letter in LETTERS]
    config = transformers.BertConfig(
        vocab_size=len(vocabulary),
        hidden_size=width,
        num_hidden_layers=layers,
        num_attention_heads=2,
        intermediate_size=2 * width,
        max_position_embeddings=64,
    )
    torch.manual_seed(0)
    kind = transformers.BertModel if sentence else transformers.BertForMaskedLM
    _spread(kind(config)).save_pretrained(folder)
    words = tokenizers.Tokenizer(
        tokenizers.models.WordPiece({w: i for i, w in enumerate(vocabulary)}, unk_token="[UNK]")
    )
    words.normalizer = tokenizers.normalizers.BertNormalizer(lowercase=True)
    words.pre_tokenizer = tokenizers.pre_tokenizers.BertPreTokenizer()
    words.decoder = tokenizers.decoders.WordPiece()
    words.post_processor = tokenizers.processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    special = {
        f"{name}_token": f"[{name.upper()}]" for name in ("pad", "unk", "cls", "sep", "mask")
    }
    transformers.PreTrainedTokenizerFast(
        tokenizer_object=words, model_max_length=64, **special
    ).save_pretrained(folder)
    if sentence:
        as_sentence_encoder(folder, width)
    return folder


def tiny_roberta(folder: Path, *, width: int = 16, layers: int = 2) -> Path:
    """Save a RoBERTa of random weights, a base language model, with a tokenizer of bytes → the folder."""
    transformers = require_cured("transformers", extra="text")
    alphabet = sorted(tokenizers.pre_tokenizers.ByteLevel.alphabet())
    vocabulary = ["<s>", "<pad>", "</s>", "<unk>", "<mask>", *alphabet]
    config = transformers.RobertaConfig(
        vocab_size=len(vocabulary),
        hidden_size=width,
        num_hidden_layers=layers,
        num_attention_heads=2,
        intermediate_size=2 * width,
        max_position_embeddings=66,
        type_vocab_size=1,
        pad_token_id=1,
        bos_token_id=0,
        eos_token_id=2,
    )
    torch.manual_seed(0)
    _spread(transformers.RobertaForMaskedLM(config)).save_pretrained(folder)
    pieces = tokenizers.Tokenizer(
        tokenizers.models.BPE({w: i for i, w in enumerate(vocabulary)}, [], unk_token="<unk>")
    )
    pieces.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    pieces.decoder = tokenizers.decoders.ByteLevel()
    pieces.post_processor = tokenizers.processors.RobertaProcessing(("</s>", 2), ("<s>", 0))
    special = {
        "bos_token": "<s>", "eos_token": "</s>", "cls_token": "<s>", "sep_token": "</s>", "pad_token": "<pad>",
        "unk_token": "<unk>", "mask_token": "<mask>",
    }  # fmt: skip
    transformers.PreTrainedTokenizerFast(
        tokenizer_object=pieces, model_max_length=64, **special
    ).save_pretrained(folder)
    return folder


def tiny_marian(folder: Path) -> Path:
    """Save a Marian translator of random weights with its tokenizer → the folder."""
    transformers = require_cured("transformers", extra="text")
    sentencepiece = require_cured("sentencepiece", extra="text")
    folder.mkdir(parents=True, exist_ok=True)
    lines = [" ".join(WORDS[i:] + WORDS[:i]) for i in range(len(WORDS))]
    for side in ("source", "target"):
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(lines),
            model_prefix=str(folder / side),
            vocab_size=60,
            hard_vocab_limit=False,
            minloglevel=2,
        )
        (folder / f"{side}.model").rename(folder / f"{side}.spm")
        (folder / f"{side}.vocab").unlink()
    pieces = sentencepiece.SentencePieceProcessor(model_file=str(folder / "source.spm"))
    known = [pieces.id_to_piece(i) for i in range(3, pieces.get_piece_size())]
    vocabulary = {piece: i for i, piece in enumerate(["</s>", "<unk>", *known, "<pad>"])}
    (folder / "vocab.json").write_text(json.dumps(vocabulary))
    told = {"source_lang": "en", "target_lang": "xx", "tokenizer_class": "MarianTokenizer"}
    (folder / "tokenizer_config.json").write_text(json.dumps(told))
    last = len(vocabulary) - 1
    config = transformers.MarianConfig(
        vocab_size=len(vocabulary),
        decoder_vocab_size=len(vocabulary),
        d_model=16,
        encoder_layers=1,
        decoder_layers=1,
        encoder_attention_heads=2,
        decoder_attention_heads=2,
        encoder_ffn_dim=32,
        decoder_ffn_dim=32,
        max_position_embeddings=64,
        pad_token_id=last,
        eos_token_id=0,
        decoder_start_token_id=last,
        forced_eos_token_id=0,
    )
    torch.manual_seed(0)
    _spread(transformers.MarianMTModel(config)).save_pretrained(folder)
    return folder


def as_sentence_encoder(folder: Path, width: int, *, how: str = "mean", unit: bool = True) -> None:
    """Write the files that make a saved encoder one of sentence-transformers."""
    parts = [
        ("", "Transformer"),
        ("1_Pooling", "Pooling"),
        *([("2_Normalize", "Normalize")] * unit),
    ]
    modules = [
        {"idx": i, "name": str(i), "path": path, "type": f"sentence_transformers.models.{kind}"}
        for i, (path, kind) in enumerate(parts)
    ]
    (folder / "modules.json").write_text(json.dumps(modules))
    (folder / "sentence_bert_config.json").write_text(json.dumps({"max_seq_length": 48}))
    (folder / "1_Pooling").mkdir()
    modes = {"mean": "mean_tokens", "cls": "cls_token", "max": "max_tokens"}
    pooling = {f"pooling_mode_{mode}": name == how for name, mode in modes.items()}
    pooling |= {"word_embedding_dimension": width}
    (folder / "1_Pooling" / "config.json").write_text(json.dumps(pooling))


def _spread(net: Any) -> Any:
    """Widen random weights, so that what a tiny encoder says of two texts differs."""
    with torch.no_grad():
        for parameter in net.parameters():
            if parameter.ndim == 2:
                parameter.mul_(10.0)
    return net


def save_sounds(folder: Path, seconds: tuple[float, ...], rate: int = 8000) -> list[str]:
    """Write a wav of each length, a tone in noise, every one another → their paths."""
    paths = []
    for i, length in enumerate(seconds):
        time = np.arange(round(length * rate)) / rate
        tone = 0.3 * np.sin(2 * np.pi * 220 * (i + 1) * time)
        noise = 0.01 * np.random.default_rng(i).standard_normal(len(time))
        paths.append(str(folder / f"{i}.wav"))
        soundfile.write(paths[-1], tone + noise, rate)
    return paths


def tiny_listener(kind: str, folder: Path) -> Path:
    """Save a ``whisper``, ``wav2vec2``, ``wavlm`` or ``ast`` of random weights → the folder."""
    transformers = require_cured("transformers", extra="audio")
    size = {"hidden_size": 16, "num_attention_heads": 2, "num_hidden_layers": 2}
    waves = {
        **size, "intermediate_size": 32, "conv_dim": (16,) * 7, "num_conv_pos_embeddings": 16,
        "num_conv_pos_embedding_groups": 2,
    }  # fmt: skip
    torch.manual_seed(0)
    if kind == "whisper":
        config = transformers.WhisperConfig(
            d_model=16, encoder_layers=2, decoder_layers=1, encoder_attention_heads=2, decoder_attention_heads=2,
            encoder_ffn_dim=32, decoder_ffn_dim=32, vocab_size=8, pad_token_id=0, bos_token_id=1, eos_token_id=2,
            decoder_start_token_id=1,
        )  # fmt: skip
        net = transformers.WhisperModel(config)
    elif kind == "ast":
        net = transformers.ASTModel(
            transformers.ASTConfig(**size, intermediate_size=32, max_length=128, num_mel_bins=32)
        )
    elif kind == "wavlm":  # with a mask, as the larger ones of its kind have
        net = transformers.WavLMModel(transformers.WavLMConfig(**waves, feat_extract_norm="layer"))
    else:
        net = transformers.Wav2Vec2Model(transformers.Wav2Vec2Config(**waves))
    net.save_pretrained(folder)
    return folder
