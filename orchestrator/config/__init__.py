"""agents.toml → `model.Config`: found, read, checked whole, and built.

Start reading at `load.py`. Every key of the file is declared once, in `tables/`.
"""
