"""Writes places.mmdb: the addresses that RFC 5737 and RFC 3849 keep for documentation, placed in a few towns.

    pip install mmdb_writer==0.2.7 && python tests/geo/make.py
"""

from pathlib import Path

from mmdb_writer import MMDBWriter
from netaddr import IPSet

CHINA = {"iso_code": "CN", "names": {"en": "China", "zh-CN": "中国"}}
FRANCE = {"iso_code": "FR", "names": {"en": "France", "zh-CN": "法国"}}
SINGAPORE = {"iso_code": "SG", "names": {"en": "Singapore", "zh-CN": "新加坡"}}


def town(en, zh, country, latitude, longitude):
    return {
        "city": {"names": {"en": en, "zh-CN": zh}},
        "country": country,
        "location": {"latitude": latitude, "longitude": longitude, "accuracy_radius": 20},
    }


SHANGHAI = town("Shanghai", "上海", CHINA, 31.2222, 121.4581)
PLACES = {
    "192.0.2.0/25": SHANGHAI,
    # 165 km away: neither the same town nor far.
    "192.0.2.128/25": town("Hangzhou", "杭州", CHINA, 30.2937, 120.1614),
    "198.51.100.0/24": town("Beijing", "北京", CHINA, 39.9042, 116.4074),
    # Lille is 80 km from the border, and another country begins there.
    "203.0.113.0/25": town("Lille", "里尔", FRANCE, 50.6330, 3.0586),
    # Known by an English name alone.
    "203.0.113.128/25": {
        "city": {"names": {"en": "Brussels"}},
        "country": {"iso_code": "BE", "names": {"en": "Belgium"}},
        "location": {"latitude": 50.8534, "longitude": 4.3470, "accuracy_radius": 20},
    },
    "2001:db8:1::/48": SHANGHAI,
    "2001:db8:2::/48": town("Singapore", "新加坡", SINGAPORE, 1.2897, 103.8501),
    # A province without a town, and not on the map.
    "2001:db8:3::/48": {
        "subdivisions": [{"iso_code": "GD", "names": {"en": "Guangdong", "zh-CN": "广东"}}],
        "country": CHINA,
    },
    "2001:db8:4::/48": {"country": FRANCE},
}

writer = MMDBWriter(
    ip_version=6,
    ipv4_compatible=True,
    database_type="scangate-Test-City",
    languages=["en"],
    description={"en": "Documentation addresses in a few towns, for tests"},
    float_type="f64",
)
for network, place in PLACES.items():
    writer.insert_network(IPSet([network]), place)
writer.to_db_file(Path(__file__).with_name("places.mmdb"))
