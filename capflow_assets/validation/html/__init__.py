"""HTML reports for a retailer's analyst: self-contained files, without scripts or outside resources."""

from capflow_assets.validation.html.dossier import Dossier, ModelRow, TableRow, Trouble
from capflow_assets.validation.html.page import render_customer, render_everyone

__all__ = ["Dossier", "ModelRow", "TableRow", "Trouble", "render_customer", "render_everyone"]
