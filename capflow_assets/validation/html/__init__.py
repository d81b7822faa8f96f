"""Reports that a retailer's analyst reads in a browser: files of their own, without scripts or outside resources."""

from capflow_assets.validation.html.dossier import Dossier, ModelRow, TableRow, Trouble
from capflow_assets.validation.html.page import customer_page, everyone_page

__all__ = ["Dossier", "ModelRow", "TableRow", "Trouble", "customer_page", "everyone_page"]
