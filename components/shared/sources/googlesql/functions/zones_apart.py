"""Zones whose history or future DuckDB's ICU tells otherwise than the time zone database does."""

APART = frozenset(
    """
    Africa/Accra Africa/Addis_Ababa Africa/Asmara Africa/Bamako Africa/Bangui Africa/Banjul Africa/Blantyre
    Africa/Brazzaville Africa/Bujumbura Africa/Casablanca Africa/Conakry Africa/Dakar Africa/Dar_es_Salaam
    Africa/Djibouti Africa/Douala Africa/El_Aaiun Africa/Freetown Africa/Gaborone Africa/Harare Africa/Kampala
    Africa/Kigali Africa/Kinshasa Africa/Libreville Africa/Lome Africa/Luanda Africa/Lubumbashi Africa/Lusaka
    Africa/Malabo Africa/Maseru Africa/Mbabane Africa/Mogadishu Africa/Niamey Africa/Nouakchott
    Africa/Ouagadougou Africa/Porto-Novo America/Anguilla America/Antigua America/Aruba America/Atikokan
    America/Blanc-Sablon America/Cayman America/Creston America/Curacao America/Dominica America/Edmonton
    America/Ensenada America/Grenada America/Guadeloupe America/Inuvik America/Montserrat America/Nassau
    America/Port_of_Spain America/Rainy_River America/Santa_Isabel America/St_Kitts America/St_Lucia
    America/St_Thomas America/St_Vincent America/Tijuana America/Tortola America/Vancouver America/Winnipeg
    America/Yellowknife Antarctica/DumontDUrville Antarctica/McMurdo Antarctica/Syowa Asia/Aden Asia/Bahrain
    Asia/Brunei Asia/Kuala_Lumpur Asia/Kuwait Asia/Muscat Asia/Phnom_Penh Asia/Vientiane Atlantic/Reykjavik
    Atlantic/St_Helena CET Canada/Central Canada/Mountain Canada/Pacific EET EST Eire Europe/Amsterdam
    Europe/Copenhagen Europe/Dublin Europe/Guernsey Europe/Isle_of_Man Europe/Jersey Europe/Ljubljana
    Europe/Luxembourg Europe/Monaco Europe/Oslo Europe/Sarajevo Europe/Skopje Europe/Stockholm Europe/Vaduz
    Europe/Zagreb HST Indian/Antananarivo Indian/Christmas Indian/Cocos Indian/Comoro Indian/Kerguelen
    Indian/Mahe Indian/Mayotte Indian/Reunion MET MST Mexico/BajaNorte Pacific/Chuuk Pacific/Funafuti
    Pacific/Majuro Pacific/Midway Pacific/Pohnpei Pacific/Saipan Pacific/Wake Pacific/Wallis WET
    """.split()
)
"""Their conversions are computed in Python; all others agreed at weekly instants from 1800 to 2100."""
