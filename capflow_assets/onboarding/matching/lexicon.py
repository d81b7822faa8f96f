"""A lexicon of retail words in several languages, and the concepts that a column's or table's name contains."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from functools import cache

# Things that a retailer counts, then their attributes. Words are written without accents.
THINGS: Mapping[str, str] = {
    "bill": "bill invoice receipt basket order ticket transaction trans txn trx slip check cheque purchase "
    "checkout rechnung beleg bon kassenbon auftrag bestellung facture commande factura pedido compra "
    "recibo scontrino ordine fattura bestelling faktura rachunek paragon zamowienie kassabon nota",
    "user": "user customer client cust household hshd member shopper buyer card loyalty consumer account contact "
    "patron guest person subscriber visitor kunde kunden kundin mitglied karte haushalt cliente clientes "
    "tarjeta socio membre carte klant kund klient klienta lid utente tessera acheteur",
    "item": "item product sku stock article prod upc ean gtin barcode asin plu isbn goods variant material "
    "artikel produkt ware articulo producto produit articolo prodotto produto towar style part",
    "store": "store shop branch outlet location boutique site terminal till machine register warehouse pos filiale "
    "laden markt kasse tienda sucursal magasin negozio loja winkel sklep butik",
    "campaign": "campaign mailing promotion promo action newsletter blast wave kampagne aktion campana campagne "
    "campagna",
    "media": "media asset photo picture recording audio clip file",
}
ATTRIBUTES: Mapping[str, str] = {
    "id": "id no nr num number code key ref reference identifier uuid guid nummer kennung codigo numero cod "
    "identifiant codice kod numer pk sk hash",
    "time": "date time datetime timestamp ts day moment at on datum uhrzeit zeit zeitpunkt tag fecha hora heure "
    "jour data ora dato tid tijd czas when dt",
    "discount": "discount disc rebate markdown reduction rabatt nachlass descuento remise rabais sconto desconto "
    "korting rabat deduction off saving savings",
    "quantity": "quantity qty units pieces pcs count cantidad menge anzahl stuck stueck quantite quantita quantidade "
    "aantal antal ilosc qte volume",
    "price": "price preis precio prix prezzo preco prijs pris cena rate einzelpreis stuckpreis stueckpreis listprice",
    "amount": "amount total value sales revenue spend spent money paid payment sum turnover net gross subtotal "
    "betrag umsatz summe importe monto montant somme importo valor bedrag belopp kwota gesamt gesamtpreis "
    "charge amt",
    "category": "category department dept section subsection group family class subclass level segment range line "
    "type division aisle kind subcategory hierarchy kategorie warengruppe abteilung gruppe categoria "
    "seccion grupo categorie rayon famille reparto groep kategori",
    "brand": "brand label maker manufacturer house vendor supplier marke hersteller marca marque merk fabricante",
    "text": "description desc name title text label beschreibung bezeichnung descripcion nombre libelle nom "
    "designation descrizione nome descricao omschrijving naam namn nazwa opis titel titre titulo body "
    "content comment message caption",
    "review": "review feedback opinion comment bewertung resena avis recensione",
    "rating": "rating stars score grade note puntuacion",
    "image": "image img picture photo thumbnail url uri link path file filename bild imagen foto",
    "channel": "channel via medium sold through source touchpoint platform kanal canal canale vertriebsweg origin",
    "payment": "cash pay payment tender paytype zahlungsart pago paiement",
    "return": "return returned refund refunded cancel cancelled canceled cancellation storno retoure ruckgabe "
    "devolucion retour reso void",
    "first": "first since joined join signup signed enrolled enrolment enrollment registered registration created "
    "seit desde depuis inscription alta acquired",
    "sent": "sent send mailed mail delivered contacted start started delivery gesendet enviado envoye dispatched",
    "responded": "responded response redeemed redemption used clicked answered replied converted conversion eingelost "
    "respondido canjeado",
    "treated": "treated treatment was mailed control test exposed targeted contacted received behandelt tratado",
    "offer": "offer coupon deal voucher incentive angebot oferta offre creative subject",
    "unit": "unit each single piece per einzel stuck stueck unitario unitaire list retail current regular",
    "all": "line extended ext all sum total item lines",
}
# Words of columns that CapFlow does not use, whatever else the name says.
OTHERS: Mapping[str, str] = {
    "other": "week month year quarter hour minute weekday weekend age birth birthday birthdate gender sex income "
    "phone email telephone zip postcode postal latitude longitude lat lon cost margin profit tax vat "
    "weight height width size index unnamed row seq sequence version average avg mean ratio percent pct "
    "flag status updated modified deleted expiry expires valid until end tenure duration rank language "
    "currency password browser region country city state address street",
}
FLAGS = ("is", "was", "has", "ind", "flag")
_SHORT = frozenset(("id", "no", "nr", "at", "on", "ts", "dt"))  # too short to be split off other words


@cache
def concepts(name: str) -> tuple[tuple[str, ...], int]:
    """Return the concepts of a name in order ("InvoiceDate": bill, time), and the number of unknown words."""
    all_concepts: list[str] = []
    unknown = 0
    for token in tokens(name):
        token_concepts = [concept for word in _split_compound(token) for concept in _lexicon().get(word, ())]
        all_concepts += token_concepts
        unknown += not token_concepts
    return tuple(dict.fromkeys(all_concepts)), unknown


@cache
def tokens(name: str) -> tuple[str, ...]:
    """Return the words of a name in lower case, without accents: customer, id for "CustomerID" and "customer_id"."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    cut = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", plain)
    return tuple(word for word in re.split(r"[^a-z]+", cut.lower()) if word)


def concept_set(name: str) -> frozenset[str]:
    """Return the concepts that a name contains, without their order."""
    return frozenset(concepts(name)[0])


@cache
def _lexicon() -> Mapping[str, tuple[str, ...]]:
    lexicon: dict[str, list[str]] = {}
    for group in (THINGS, ATTRIBUTES, OTHERS):
        for concept, words in group.items():
            for word in words.split():
                for form in (word, word + "s"):
                    lexicon.setdefault(form, [])
                    if concept not in lexicon[form]:
                        lexicon[form].append(concept)
    for word in FLAGS:
        lexicon[word] = [*lexicon.get(word, []), "flag"]
    return {word: tuple(concepts_) for word, concepts_ in lexicon.items()}


def _split_compound(token: str) -> tuple[str, ...]:
    """Split a word that was written as one from two: "kundennummer", "stockcode", "customerid"."""
    lexicon = _lexicon()
    if token in lexicon:
        return (token,)
    for at in range(len(token) - 1, 2, -1):
        head, tail = token[:at], token[at:]
        for linked in (head, head.removesuffix("s"), head.removesuffix("n"), head.removesuffix("en")):
            if linked not in lexicon or len(linked) < 3:
                continue
            if tail in lexicon and (len(tail) >= 3 or tail in _SHORT):
                return (linked, tail)
    return (token,)
