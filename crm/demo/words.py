"""The words that demo data is made of. Nobody and no company is meant."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Region:
    """One country's names. ``phone`` and ``mobile`` are numbers reserved for fiction."""

    country: str
    currency: str
    first_names: list[str]
    last_names: list[str]
    trades: list[str]
    # How a company is called, from {last}, {other}, {trade} and {city}.
    patterns: list[str]
    long_pattern: str
    # Postal code, city, state or region.
    cities: list[tuple[str, str, str]]
    streets: list[str]
    titles: list[str]
    deals: list[str]
    labels: dict[str, str]
    phone: str = ""
    mobile: str = ""


def listed(names: str) -> list[str]:
    return names.split()


GERMANY = Region(
    country="Deutschland",
    currency="EUR",
    first_names=listed(
        "Anneliese Björn Bärbel Dörte Friedrich Götz Heike Ilse Jürgen Käthe Lüder "
        "Marlene Nils Oskar Rüdiger Sören Thea Ulf Veronika Wiebke Yvonne Jörg "
        "Hannelore Matthias"
    ),
    last_names=listed(
        "Ahrenß Brückmaier Dörrwald Eßlingmann Föhrenbach Größwang Hülsewig Jägerstätt "
        "Kößling Lüdersen Möhrenkamp Nüßlein Oberpöhl Pfützner Quändt Rößelmann "
        "Schöneweis Süßbeck Trübenach Überreit Völkerling Weißhaupt Zöllmann Kranzmeyer "
        "Birkental"
    ),
    trades=listed(
        "Maschinenbau Fördertechnik Präzisionswerkzeuge Möbelwerke Kältetechnik "
        "Druckguss Elektroanlagen Gerätebau Lebensmittel Tiefbau Softwarehaus "
        "Großhandel Spedition Oberflächentechnik Messtechnik Verpackungen"
    ),
    patterns=[
        "{last} {trade} GmbH",
        "{last} & {other} {trade} KG",
        "{trade} {city} AG",
        "Gebrüder {last} {trade} GmbH & Co. KG",
        "{last} {trade} OHG",
    ],
    long_pattern="{last}, {other} und Partner Gesellschaft für {trade}, angewandte "
    "Prozesssteuerung und Qualitätssicherung im überregionalen Anlagengeschäft {city} mbH & Co. "
    "Kommanditgesellschaft",
    cities=[
        ("97070", "Würzburg", "Bayern"),
        ("33602", "Bielefeld", "Nordrhein-Westfalen"),
        ("02826", "Görlitz", "Sachsen"),
        ("23552", "Lübeck", "Schleswig-Holstein"),
        ("37073", "Göttingen", "Niedersachsen"),
        ("72070", "Tübingen", "Baden-Württemberg"),
        ("50667", "Köln", "Nordrhein-Westfalen"),
        ("15230", "Frankfurt (Oder)", "Brandenburg"),
        ("99084", "Erfurt", "Thüringen"),
        ("84028", "Landshut", "Bayern"),
    ],
    streets=["Mühlenstraße", "Am Güterbahnhof", "Hölderlinweg", "Gewerbepark Süd", "Rößlergasse"],
    titles=["Geschäftsführerin", "Einkaufsleiter", "Leiterin Qualität", "Werkleiter", "Controller"],
    deals=["Wartungsvertrag", "Ersatzteile", "Umrüstung Halle 3", "Schulung Bedienpersonal",
           "Prüfstand", "Rahmenvertrag", "Förderband Ü40"],
    labels={"phone": "Zentrale", "email": "Buchhaltung", "website": "Katalog",
            "address": "Lieferanschrift"},
    phone="+49 30 23125 {:03d}",
    mobile="+49 171 39200{:02d}",
)  # fmt: skip

FRANCE = Region(
    country="France",
    currency="EUR",
    first_names=listed(
        "Adèle Benoît Céline Désiré Éloïse François Geneviève Hélène Irène Joël Léa "
        "Maël Noëlle Océane Aurélien Régis Solène Thérèse Valérie Zoé Anaïs Gaël"
    ),
    last_names=listed(
        "Arçonneau Béchamond Châtelrond Desgranlieux Évrardin Fèvremont Gâtinelle "
        "Hébrardot Jaurégny Lefêbvrier Mâconnet Noëllard Ormesçon Pérouzier Quélennic "
        "Rivoiraud Sévérandes Thiébautin Villedoré Beaupréaux"
    ),
    trades=listed(
        "Mécanique Menuiserie Fonderie Imprimerie Logistique Brasserie Électronique "
        "Charpente Verrerie Emballages Textiles Informatique Négoce Chaudronnerie"
    ),
    patterns=[
        "Établissements {last} {trade}",
        "{trade} {last} et Fils SARL",
        "{last} & {other} {trade} SAS",
        "Société {trade} de {city}",
        "Ateliers {last} {trade} SA",
    ],
    long_pattern="Société coopérative d'intérêt collectif {last}-{other} pour la {trade}, la "
    "maintenance préventive et la rénovation énergétique des bâtiments industriels de {city} et "
    "de sa région",
    cities=[
        ("63000", "Clermont-Ferrand", "Auvergne-Rhône-Alpes"),
        ("25000", "Besançon", "Bourgogne-Franche-Comté"),
        ("42000", "Saint-Étienne", "Auvergne-Rhône-Alpes"),
        ("29000", "Quimper", "Bretagne"),
        ("34500", "Béziers", "Occitanie"),
        ("59300", "Valenciennes", "Hauts-de-France"),
        ("87000", "Limoges", "Nouvelle-Aquitaine"),
        ("22000", "Saint-Brieuc", "Bretagne"),
    ],
    streets=["rue des Écoles", "quai de la Saône", "allée des Chênes", "zone d'activités du Pré"],
    titles=["Directrice générale", "Responsable des achats", "Chef d'atelier", "Gérant",
            "Chargée d'études"],
    deals=["Contrat d'entretien", "Pièces détachées", "Rénovation de l'atelier",
           "Formation à l'outil", "Étude préalable", "Marché cadre"],
    labels={"phone": "Standard", "email": "Comptabilité", "website": "Boutique",
            "address": "Adresse de livraison"},
    phone="+33 1 99 00 {:02d} 10",
    mobile="+33 6 39 98 {:02d} 20",
)  # fmt: skip

SWEDEN = Region(
    country="Sverige",
    currency="SEK",
    first_names=listed(
        "Åsa Märta Göran Håkan Örjan Börje Elin Kåre Ängla Malin Sölve Tuva Viggo Åke "
        "Linnéa Jörgen Ebba Hjördis"
    ),
    last_names=listed(
        "Åkerblad Öhrnfelt Ängsmark Björkgård Sjölindh Grönkvarn Hägerskog Kjellbård "
        "Långdahl Mårdström Näsviken Rönnfors Skärlund Västhage Törnsäter"
    ),
    trades=listed(
        "Möbler Verktyg Sågverk Båtbyggeri Kylteknik Bokbinderi Järnhandel Livsmedel "
        "Åkeri Elektronik Byggvaror Mätteknik"
    ),
    patterns=["{last} {trade} AB", "{last} & {other} {trade} AB", "{city} {trade} HB",
              "Bröderna {last} {trade} AB"],
    long_pattern="Intresseföreningen {last} och {other} för {trade}, återvinning, hållbar "
    "energiförsörjning och gemensamma inköp i {city} med omnejd ekonomisk förening",
    cities=[
        ("831 30", "Östersund", "Jämtland"),
        ("852 30", "Sundsvall", "Västernorrland"),
        ("331 30", "Värnamo", "Jönköping"),
        ("702 10", "Örebro", "Örebro"),
        ("271 30", "Ystad", "Skåne"),
        ("971 10", "Luleå", "Norrbotten"),
    ],
    streets=["Ängsvägen", "Storgatan", "Hamnplan", "Björkallén"],
    titles=["Inköpschef", "Verkställande direktör", "Platschef", "Ekonomiansvarig"],
    deals=["Serviceavtal", "Reservdelar", "Ombyggnad", "Utbildning", "Ramavtal", "Mätutrustning"],
    labels={"phone": "Växel", "email": "Ekonomi", "website": "Butik", "address": "Leverans"},
    phone="+46 8 465 004 {:02d}",
    mobile="+46 70 174 06 {:02d}",
)  # fmt: skip

DENMARK = Region(
    country="Danmark",
    currency="DKK",
    first_names=listed(
        "Søren Bjørg Åge Mette Jørn Kåre Sigrid Øjvind Rikke Thyge Ægir Lærke Esben "
        "Gyða Snæbjörn"
    ),
    last_names=listed(
        "Ågesvig Bødskov Færholt Grøngaard Højlund-Bæk Kjærbæk Møllehave Nørreskær "
        "Østergrøn Skovsø Thorlæk Vædelund"
    ),
    trades=listed(
        "Skibsværft Mejeri Møbelsnedkeri Køleteknik Vindteknik Bogtryk Stålbyg "
        "Kornhandel Elektro Fiskeeksport"
    ),
    patterns=["{last} {trade} A/S", "{last} og {other} {trade} ApS", "{city} {trade} A/S"],
    long_pattern="Andelsselskabet {last}, {other} og Sønner for {trade}, fjernvarme, "
    "kølelogistik og fælles indkøb på tværs af kommunegrænserne omkring {city} A.m.b.a.",
    cities=[
        ("6700", "Esbjerg", "Syddanmark"),
        ("4600", "Køge", "Sjælland"),
        ("6200", "Aabenraa", "Syddanmark"),
        ("9900", "Frederikshavn", "Nordjylland"),
        ("3700", "Rønne", "Hovedstaden"),
    ],
    streets=["Søndergade", "Ved Åen", "Havnevej", "Mølleengen"],
    titles=["Direktør", "Indkøbschef", "Værkfører", "Bogholder"],
    deals=["Serviceaftale", "Reservedele", "Ombygning", "Kursus", "Rammeaftale"],
    labels={"phone": "Omstilling", "email": "Bogholderi", "website": "Webshop",
            "address": "Levering"},
)  # fmt: skip

POLAND = Region(
    country="Polska",
    currency="PLN",
    first_names=listed(
        "Łucja Świętosława Bożena Grażyna Mścisław Żaneta Wojciech Józef Małgorzata "
        "Kędzierzyn Elżbieta Radosław Jędrzej Zdzisława Błażej"
    ),
    last_names=listed(
        "Błędowiec Ćwiklarz Dąbrowiejska Gąsiennik Jędrzychowa Kłosowieć Łęgowiak "
        "Mączyński-Żak Nędzyński Ościłowska Pękalarz Ruciński-Łoś Świerkoń Trzcińczyk "
        "Wężykiewicz Źrebczak Żółkiewnik"
    ),
    trades=listed(
        "Logistyka Odlewnia Narzędzia Drukarnia Meble Mleczarnia Chłodnictwo "
        "Elektronika Opakowania Huta Transport Tartak"
    ),
    patterns=["{last} {trade} Sp. z o.o.", "{trade} {city} S.A.", "{last} i {other} {trade} Sp. j.",
              "Zakład {trade} {last}"],
    long_pattern="Przedsiębiorstwo Wielobranżowe {last} i {other}, {trade}, usługi inżynieryjne, "
    "doradztwo środowiskowe oraz wynajem urządzeń dźwigowych w {city} Spółka z ograniczoną "
    "odpowiedzialnością Spółka komandytowa",
    cities=[
        ("90-001", "Łódź", "łódzkie"),
        ("25-001", "Kielce", "świętokrzyskie"),
        ("10-001", "Olsztyn", "warmińsko-mazurskie"),
        ("65-001", "Zielona Góra", "lubuskie"),
        ("35-001", "Rzeszów", "podkarpackie"),
        ("87-100", "Toruń", "kujawsko-pomorskie"),
    ],
    streets=["ul. Świętojańska", "ul. Młyńska", "al. Dębowa", "ul. Żeglarska"],
    titles=["Prezes zarządu", "Kierowniczka zakupów", "Główny księgowy", "Inżynier"],
    deals=["Umowa serwisowa", "Części zamienne", "Przebudowa linii", "Szkolenie", "Umowa ramowa"],
    labels={"phone": "Centrala", "email": "Księgowość", "website": "Sklep",
            "address": "Adres dostawy"},
)  # fmt: skip

BRITAIN = Region(
    country="United Kingdom",
    currency="GBP",
    first_names=listed(
        "Abigail Benedict Cressida Dermot Eleanor Fergus Gwendolyn Hamish Imogen "
        "Jocelyn Siân Morwenna Niamh Percival Rhiannon Tamsin Zoë Llŷr"
    ),
    last_names=listed(
        "Ashcombe-Vale Birkwhistle Cadwallinder Dunnockshaw Eastlingham Fothersby "
        "Garrowhill Hexworthy Inglethwaite Kittlewell Lanyonby Marrowdale O'Hanraghty "
        "Pennistrand Quillerford Thistlecombe"
    ),
    trades=listed(
        "Tooling Foundry Freight Joinery Instruments Brewing Packaging Software "
        "Textiles Refrigeration Castings Printworks"
    ),
    patterns=["{last} {trade} Ltd", "{last} & {other} {trade} LLP", "{city} {trade} plc",
              "{last} & Daughters {trade}"],
    long_pattern="The Incorporated Society of {last}, {other} and Associates for {trade}, "
    "Environmental Testing, Apprenticeship Schemes and the Preservation of Industrial Machinery "
    "in {city} and District (Holdings) Limited",
    cities=[
        ("YO1 1AA", "York", "North Yorkshire"),
        ("TR1 1AA", "Truro", "Cornwall"),
        ("PA34 1AA", "Oban", "Argyll and Bute"),
        ("SY23 1AA", "Aberystwyth", "Ceredigion"),
        ("CA1 1AA", "Carlisle", "Cumbria"),
    ],
    streets=["Mill Lane", "Station Approach", "Old Wharf Road", "Foundry Yard"],
    titles=["Managing Director", "Head of Purchasing", "Works Manager", "Financial Controller"],
    deals=["Maintenance contract", "Spare parts", "Line refit", "Operator training", "Audit",
           "Framework agreement"],
    labels={"phone": "Switchboard", "email": "Accounts", "website": "Catalogue",
            "address": "Deliveries"},
    phone="+44 1632 960{:03d}",
    mobile="+44 7700 900{:03d}",
)  # fmt: skip

REGIONS = [GERMANY, FRANCE, SWEDEN, DENMARK, POLAND, BRITAIN]
WEIGHTS = [34, 20, 12, 9, 14, 11]

INDUSTRIES = ["Mechanical engineering", "Food and drink", "Logistics", "Construction", "Software",
              "Furniture", "Printing", "Metalworking", "Energy", "Textiles"]  # fmt: skip

# Username, names, and what they see and edit: a ready-made set, or as who manages a team.
OWNERS = [
    ("anna.keller", "Anna", "Kellermühl", "manages"),
    ("jonas.lind", "Jonas", "Lindgårdh", "customers"),
    ("camille.roux", "Camille", "Rouxelin", "own"),
    ("piotr.ziel", "Piotr", "Zieliwodzki", "manages"),
    ("emma.hugh", "Emma", "Hughenby", "read"),
]
# Name, manager and members.
TEAMS = [
    ("Key accounts", "anna.keller", ["jonas.lind", "camille.roux"]),
    ("New business", "piotr.ziel", ["camille.roux", "emma.hugh"]),
]

PIPELINES = {
    "Sales": [
        ("Incoming", "incoming", 10),
        ("Qualified", "in_progress", 30),
        ("Quote", "in_progress", 50),
        ("Closure", "in_progress", 80),
        ("Won", "won", 100),
        ("Lost", "lost", 0),
        ("Unqualified", "unqualified", 0),
    ],
    "Renewals": [
        ("Due", "incoming", 60),
        ("In negotiation", "in_progress", 80),
        ("Renewed", "won", 100),
        ("Not renewed", "lost", 0),
    ],
}
LOSS_REASONS = ["Price", "Competitor", "No budget", "Timing", "No decision"]
UNQUALIFIED_REASONS = ["No need", "Not reachable", "Too small", "Duplicate"]
SOURCES = ["Website", "Referral", "Trade fair", "Cold call", "Partner"]

# By category of tags and custom fields: tags with their colour and how many of a hundred carry them.
TAGS = {
    "contacts": [("VIP", "yellow", 6), ("Trade fair", "blue", 18), ("Press", "pink", 3),
                 ("Supplier", "gray", 5)],
    "customers": [("Key account", "green", 14), ("Reference", "teal", 9), ("Pays late", "red", 5)],
    "deals": [("Urgent", "red", 9), ("Tender", "indigo", 12), ("Upsell", "lime", 10)],
}  # fmt: skip
# Name, type, whom it is for, how many of a hundred have a value.
FIELDS = {
    "contacts": [("Language", "choice", "", 85), ("Newsletter", "yes_no", "person", 60),
                 ("Birthday", "date", "person", 35), ("Employees", "whole", "company", 55),
                 ("Topics", "choices", "", 30)],
    "customers": [("Segment", "choice", "", 80), ("Contract until", "date", "company", 45),
                  ("Annual budget", "money", "company", 50), ("Looked after by", "user", "", 40)],
    "deals": [("Competitor", "choice", "", 40), ("Probability note", "text", "", 30),
              ("Offer sent", "date", "", 45)],
}  # fmt: skip
OPTIONS = {
    "Language": ["Deutsch", "Français", "Svenska", "Dansk", "Polski", "English"],
    "Topics": ["Maintenance", "Training", "New machines", "Spare parts", "Energy"],
    "Segment": ["A", "B", "C"],
    "Competitor": ["Nordwerk", "Atelier Brume", "Kestrel Tools", "None known"],
}
LANGUAGES = {
    "Deutschland": "Deutsch", "France": "Français", "Sverige": "Svenska", "Danmark": "Dansk",
    "Polska": "Polski", "United Kingdom": "English",
}  # fmt: skip
PROBABILITY_NOTES = ["Budget is approved", "Waits for the new year", "Two offers on the table",
                     "Their engineers are for us", "The board decides in spring"]  # fmt: skip
KEY_LIST = "Key accounts, segment A"
