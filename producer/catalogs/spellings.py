"""WooCommerce exports in the shop's language: its columns by their English names. The cells stay as they are."""

import re
from collections.abc import Iterable, Mapping
from typing import Final

#: German, French, Spanish, Italian and Portuguese names, as `shapes.plain` spells them.
_WORDS: Final[Mapping[str, str]] = {
    **dict.fromkeys(("typ", "tipo"), "type"),
    **dict.fromkeys(("artikelnummer", "ugs", "código", "cod_art"), "sku"),
    **dict.fromkeys(("nom", "nombre", "nome"), "name"),
    **dict.fromkeys(("veröffentlicht", "publié", "publicado", "pubblicato"), "published"),
    **dict.fromkeys(
        ("kurzbeschreibung", "description_courte", "descripción_corta", "breve_descrizione", "descrição_curta"),
        "short_description",
    ),
    **dict.fromkeys(("beschreibung", "descripción", "descrizione", "descrição"), "description"),
    **dict.fromkeys(("angebotspreis", "tarif_promo", "precio_rebajado", "prezzo_in_offerta", "preço_promocional"),
                    "sale_price"),
    **dict.fromkeys(("regulärer_preis", "tarif_régulier", "precio_normal", "prezzo_di_listino", "preço"),
                    "regular_price"),
    **dict.fromkeys(("kategorien", "catégories", "categorías", "categorias", "categorie"), "categories"),
    **dict.fromkeys(("schlagwörter", "étiquettes", "etiquetas", "tag"), "tags"),
    **dict.fromkeys(("bilder", "imágenes", "immagine", "immagini", "imagens"), "images"),
    **dict.fromkeys(("übergeordnetes_produkt", "superior", "genitore", "ascendente"), "parent"),
    **dict.fromkeys(("marken", "marques", "marcas", "marchi", "marche"), "brands"),
    **dict.fromkeys(("vorrätig", "en_stock", "en_inventario", "in_stock", "em_estoque"), "in_stock"),
    **dict.fromkeys(("externe_url", "url_externe", "url_externa", "url_esterno"), "external_url"),
    "gtin_upc_ean_oder_isbn": "gtin", "gtin_upc_ean_ou_isbn": "gtin", "gtin_upc_ean_o_isbn": "gtin",
}  # fmt: skip
_OPTION: Final = re.compile(
    r"attribut_(?P<de>\d+)_(?P<what>name|wert)|"
    r"(?P<which>nom|nombre|nome|valeur|valor|valore|valores)_(?:de_l|del|dell|do)_(?:attribut|atributo|attributo)_(?P<n>\d+)"
)
_NAMES: Final = frozenset({"name", "nom", "nombre", "nome"})


def english(columns: Iterable[str]) -> dict[str, str]:
    """The English name of each (plain) column that has one."""
    found = {}
    for column in columns:
        if option := _OPTION.fullmatch(column):
            number, what = option["de"] or option["n"], option["what"] or option["which"]
            found[column] = f"attribute_{number}_{'name' if what in _NAMES else 'value'}"
        elif column in _WORDS:
            found[column] = _WORDS[column]
    return found
