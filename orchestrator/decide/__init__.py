"""Judgement: assess and plan, and one file per rule. Pure."""
