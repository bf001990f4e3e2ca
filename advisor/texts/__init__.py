"""What texts are made of, before any table or backbone: words, languages, near copies, varied views."""
