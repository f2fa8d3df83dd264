"""The loop around one tick. Start reading at `tick.py`."""
