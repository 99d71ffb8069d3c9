"""The judge's side of lab 04: build contexts, images and containers."""
