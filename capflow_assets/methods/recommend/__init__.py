"""Recommenders: co-purchase, EASE, TIFU-KNN and SASRec, and what they share."""
