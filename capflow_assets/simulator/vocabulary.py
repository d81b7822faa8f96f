"""The words of item texts: a style says who buys the item, a product says what it is."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Vocabulary:
    """The vocabulary of one vertical.

    `styles`: name -> (adjectives, details); items of one style are bought together.
    `products`: (category path, noun, lowest price, highest price), prices in whole currency units.
    `simple`: the departments (first part of the path) whose items have a `simple_text`, without an adjective.
    """

    brands: tuple[str, ...]
    styles: dict[str, tuple[tuple[str, ...], tuple[str, ...]]]
    products: tuple[tuple[str, str, int, int], ...]
    simple: tuple[str, ...]
    simple_text: str
    extras: tuple[str, ...]


_FOOD = Vocabulary(
    brands=("Harbour Roasters", "North Mill", "Fieldhouse", "Oat & Elm"),
    styles={
        "dark roast": (("bold", "dark-roasted", "smoky"), ("cocoa notes", "a thick crema", "toasted walnut")),
        "bright and fruity": (("bright", "light-roasted", "floral"), ("wild berries", "lemon zest", "jasmine")),
        "sweet treats": (("caramel", "double chocolate", "honey-glazed"), ("sea salt", "brown butter", "vanilla")),
        "plant based": (("vegan", "oat-milk", "dairy-free"), ("coconut yoghurt", "almond cream", "hazelnut")),
        "early breakfast": (("hearty", "slow-baked", "wholegrain"), ("free-range egg", "maple syrup", "rolled oats")),
        "quick lunch": (("toasted", "grilled", "fresh"), ("rocket and pesto", "roast tomato", "smoked cheddar")),
        "family": (("mini", "mild", "playful"), ("rainbow sprinkles", "banana slices", "strawberry sauce")),
        "wellness": (("organic", "cold-pressed", "sugar-free"), ("ginger and turmeric", "chia seeds", "matcha")),
    },
    products=(
        ("Drinks > Coffee", "espresso", 2, 4),
        ("Drinks > Coffee", "flat white", 3, 5),
        ("Drinks > Coffee", "cold brew", 3, 6),
        ("Drinks > Coffee", "cappuccino", 3, 5),
        ("Drinks > Tea", "breakfast tea", 2, 4),
        ("Drinks > Tea", "chai latte", 3, 5),
        ("Drinks > Juice", "pressed juice", 4, 7),
        ("Drinks > Juice", "smoothie", 4, 7),
        ("Bakery > Pastry", "croissant", 2, 5),
        ("Bakery > Pastry", "cinnamon bun", 3, 5),
        ("Bakery > Cake", "loaf cake slice", 3, 5),
        ("Bakery > Cake", "muffin", 2, 5),
        ("Bakery > Biscuits", "cookie", 2, 4),
        ("Kitchen > Sandwiches", "sourdough sandwich", 5, 9),
        ("Kitchen > Sandwiches", "bagel", 4, 8),
        ("Kitchen > Bowls", "porridge bowl", 4, 7),
        ("Kitchen > Bowls", "salad bowl", 7, 12),
        ("At home > Beans", "whole coffee beans 250 g", 8, 15),
        ("At home > Beans", "ground coffee 500 g", 10, 18),
        ("At home > Pantry", "granola bag", 5, 9),
    ),
    simple=("At home",),
    simple_text="{noun}, our {style} selection, {extra}",
    extras=("refill pack", "gift tin", "family size"),
)

_FASHION = Vocabulary(
    brands=("Maison Vero", "Lindholm", "Atelier Nord", "Casa Brava", "Everwell"),
    styles={
        "tailored office": (("tailored", "pressed", "slim-cut"), ("fine pinstripe", "satin lining", "a sharp collar")),
        "summer linen": (("airy linen", "sun-washed", "sleeveless"), ("shell buttons", "open weave", "a belted waist")),
        "sporty": (("breathable", "stretch", "quick-dry"), ("reflective piping", "mesh panels", "a zipped pocket")),
        "evening": (("silk", "sequinned", "draped"), ("an open back", "velvet trim", "a side slit")),
        "cosy knit": (("chunky knit", "brushed wool", "cashmere-blend"), ("cable stitch", "ribbed cuffs", "roll neck")),
        "street": (("oversized", "washed denim", "cropped"), ("graphic print", "raw hem", "utility straps")),
        "boho": (("embroidered", "printed", "flowing"), ("fringe trim", "paisley pattern", "puff sleeves")),
        "classic basics": (("organic cotton", "plain", "everyday"), ("flat seams", "a crew neck", "soft jersey")),
        "outdoor": (("water-repellent", "quilted", "recycled"), ("taped seams", "a storm hood", "down filling")),
    },
    products=(
        ("Women > Dresses", "midi dress", 45, 140),
        ("Women > Dresses", "shirt dress", 40, 120),
        ("Women > Tops", "blouse", 30, 90),
        ("Women > Tops", "t-shirt", 15, 40),
        ("Women > Trousers", "wide-leg trousers", 45, 110),
        ("Women > Skirts", "pleated skirt", 35, 90),
        ("Women > Knitwear", "cardigan", 45, 130),
        ("Women > Coats", "coat", 110, 320),
        ("Men > Shirts", "shirt", 35, 95),
        ("Men > Tops", "polo shirt", 25, 60),
        ("Men > Trousers", "chinos", 45, 100),
        ("Men > Trousers", "jeans", 50, 130),
        ("Men > Knitwear", "jumper", 45, 140),
        ("Men > Jackets", "blazer", 110, 280),
        ("Men > Jackets", "bomber jacket", 80, 200),
        ("Accessories > Scarves", "scarf", 18, 60),
        ("Accessories > Bags", "shoulder bag", 40, 180),
        ("Accessories > Belts", "belt", 20, 60),
        ("Accessories > Hats", "hat", 15, 50),
    ),
    simple=("Accessories",),
    simple_text="{noun} for {style} outfits, {extra}",
    extras=("gift boxed", "hand finished", "limited colour"),
)

_FOOTWEAR = Vocabulary(
    brands=("Stride", "Ridgeway", "Corsa", "Pennon"),
    styles={
        "road running": (("cushioned", "lightweight", "neutral"), ("a foam midsole", "a rocker sole", "knitted upper")),
        "trail and hike": (("waterproof", "grippy", "rugged"), ("deep lugs", "a rock plate", "ankle support")),
        "business": (
            ("polished leather", "hand-stitched", "burnished"),
            ("a Goodyear welt", "slim laces", "a cap toe"),
        ),
        "weekend casual": (("canvas", "suede", "low-top"), ("a gum sole", "contrast stitching", "a padded collar")),
        "summer": (("woven", "open-toe", "cork-bed"), ("a buckle strap", "jute trim", "a soft footbed")),
        "winter": (("lined", "insulated", "shearling"), ("a zip side", "a snow tread", "fleece lining")),
        "kids": (("bright", "easy-on", "washable"), ("hook-and-loop straps", "a flashing heel", "star print")),
    },
    products=(
        ("Shoes > Running", "running shoes", 70, 170),
        ("Shoes > Running", "racing flats", 80, 190),
        ("Shoes > Hiking", "hiking shoes", 80, 190),
        ("Shoes > Formal", "derby shoes", 90, 240),
        ("Shoes > Formal", "loafers", 80, 200),
        ("Shoes > Sneakers", "sneakers", 55, 140),
        ("Shoes > Sandals", "sandals", 35, 100),
        ("Shoes > Slippers", "slippers", 20, 60),
        ("Boots > Ankle", "ankle boots", 90, 220),
        ("Boots > Tall", "tall boots", 110, 280),
        ("Care > Cleaning", "cleaning kit", 8, 22),
        ("Care > Protection", "protection spray", 7, 16),
        ("Care > Inserts", "insoles", 9, 35),
        ("Accessories > Socks", "three-pack socks", 9, 25),
        ("Accessories > Laces", "laces", 4, 9),
        ("Accessories > Bags", "shoe bag", 12, 40),
    ),
    simple=("Care", "Accessories"),
    simple_text="{noun} for {style} shoes, {extra}",
    extras=("travel size", "full size", "gift set"),
)

VOCABULARIES = {"food_and_beverage": _FOOD, "fashion": _FASHION, "footwear": _FOOTWEAR}
CITIES = ("Lisbon", "Lyon", "Leeds", "Ghent", "Turin", "Graz", "Malmo", "Porto", "Bonn", "Cork")
