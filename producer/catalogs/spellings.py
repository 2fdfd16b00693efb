"""Exports in the shop's language: their columns by their English names. The cells stay as they are."""

import re
from collections.abc import Iterable, Mapping
from typing import Final

#: WooCommerce in German, French, Spanish, Italian, Portuguese, Dutch and Polish, as `shapes.plain` spells them.
_WORDS: Final[Mapping[str, str]] = {
    **dict.fromkeys(("typ", "tipo"), "type"),
    **dict.fromkeys(("artikelnummer", "ugs", "código", "cod_art"), "sku"),
    **dict.fromkeys(("nom", "nombre", "nome", "naam", "nazwa"), "name"),
    **dict.fromkeys(
        ("veröffentlicht", "publié", "publicado", "pubblicato", "gepubliceerd", "opublikowano", "opublikowany"),
        "published",
    ),
    **dict.fromkeys(
        ("kurzbeschreibung", "description_courte", "descripción_corta", "breve_descrizione", "descrição_curta",
         "korte_beschrijving", "korte_omschrijving", "krótki_opis"),
        "short_description",
    ),
    **dict.fromkeys(("beschreibung", "descripción", "descrizione", "descrição", "beschrijving", "opis"),
                    "description"),
    **dict.fromkeys(("angebotspreis", "tarif_promo", "precio_rebajado", "prezzo_in_offerta", "preço_promocional",
                     "actieprijs", "cena_promocyjna"),
                    "sale_price"),
    **dict.fromkeys(("regulärer_preis", "tarif_régulier", "precio_normal", "prezzo_di_listino", "preço",
                     "reguliere_prijs", "cena", "cena_regularna"),
                    "regular_price"),
    **dict.fromkeys(("kategorien", "catégories", "categorías", "categorias", "categorie", "categorieën", "kategorie"),
                    "categories"),
    **dict.fromkeys(("schlagwörter", "étiquettes", "etiquetas", "tag", "tagi"), "tags"),
    **dict.fromkeys(("bilder", "imágenes", "immagine", "immagini", "imagens", "afbeeldingen", "obrazki"),
                    "images"),
    **dict.fromkeys(("übergeordnetes_produkt", "superior", "genitore", "ascendente", "hoofd", "element_nadrzędny",
                     "nadrzędny"), "parent"),
    **dict.fromkeys(("marken", "marques", "marcas", "marchi", "marche", "merken", "marki"), "brands"),
    **dict.fromkeys(("vorrätig", "en_stock", "en_inventario", "in_stock", "em_estoque", "op_voorraad", "w_magazynie",
                     "na_stanie"), "in_stock"),
    **dict.fromkeys(("externe_url", "url_externe", "url_externa", "url_esterno", "zewnętrzny_adres_url"),
                    "external_url"),
    "gtin_upc_ean_oder_isbn": "gtin", "gtin_upc_ean_ou_isbn": "gtin", "gtin_upc_ean_o_isbn": "gtin",
    "gtin_upc_ean_of_isbn": "gtin", "gtin_upc_ean_lub_isbn": "gtin", "identyfikator": "id",
}  # fmt: skip
_OPTION: Final = re.compile(
    r"attribut_(?P<de>\d+)_(?P<what>name|wert)|"
    r"(?P<which>nom|nombre|nome|valeur|valor|valore|valores)_(?:de_l|del|dell|do)_(?:attribut|atributo|attributo)_(?P<n>\d+)|"
    r"(?P<nl_pl>naam|waarde|nazwa|wartość|wartości)_(?:eigenschap|atrybutu)_(?P<nth>\d+)"
)
_NAMES: Final = frozenset({"name", "nom", "nombre", "nome", "naam", "nazwa"})
#: The list of products that PrestaShop's back office exports, in French, Spanish and Italian.
_LISTED: Final[Mapping[str, str]] = {
    **dict.fromkeys(("imagen", "immagine"), "image"),
    **dict.fromkeys(("nom", "nombre", "nome"), "name"),
    **dict.fromkeys(("référence", "referencia", "riferimento"), "reference"),
    **dict.fromkeys(("catégorie", "categoría", "categoria"), "category"),
    **dict.fromkeys(("prix", "precio", "prezzo"), "price"),
    **dict.fromkeys(("quantité", "cantidad", "quantità"), "quantity"),
    **dict.fromkeys(("état", "estado", "stato"), "status"),
}


def woocommerce(columns: Iterable[str]) -> dict[str, str]:
    """The English name of each (plain) column of a WooCommerce export that has one."""
    found = {}
    for column in columns:
        if option := _OPTION.fullmatch(column):
            number = option["de"] or option["n"] or option["nth"]
            what = option["what"] or option["which"] or option["nl_pl"]
            found[column] = f"attribute_{number}_{'name' if what in _NAMES else 'value'}"
        elif column in _WORDS:
            found[column] = _WORDS[column]
    return found


def prestashop(columns: Iterable[str]) -> dict[str, str]:
    """The English name of each (plain) column of a list of PrestaShop's back office that has one."""
    return {column: _LISTED[column] for column in columns if column in _LISTED}
