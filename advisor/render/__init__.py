"""StrategyReport, search state and result → terminal, Markdown and one self-contained page.

Nothing here decides anything: a view shows what the report holds.
"""
