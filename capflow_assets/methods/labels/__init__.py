"""Classifiers of texts and of embedded media."""
