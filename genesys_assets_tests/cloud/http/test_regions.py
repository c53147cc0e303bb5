"""The hosts of a region, however the region is written."""

from __future__ import annotations

import pytest

from genesys_assets.cloud.errors import UnknownRegion
from genesys_assets.cloud.http.regions import REGIONS, Hosts, hosts, hosts_for

IRELAND = Hosts("https://api.mypurecloud.ie", "https://login.mypurecloud.ie")


def test_there_are_eighteen_regions_each_with_a_domain_of_its_own() -> None:
    assert len(REGIONS) == len(set(REGIONS.values())) == 18


@pytest.mark.parametrize(
    "region",
    [
        "eu_west_1",
        "eu-west-1",
        "EU_WEST_1",
        " eu-West_1 ",
        "mypurecloud.ie",
        "api.mypurecloud.ie",
        "login.mypurecloud.ie",
        "apps.mypurecloud.ie",
        "https://api.mypurecloud.ie/",
    ],
)
def test_a_region_may_be_written_in_any_of_its_ways(region: str) -> None:
    assert hosts_for(region) == IRELAND


@pytest.mark.parametrize("key", REGIONS)
def test_every_region_is_known_by_key_dashed_key_and_domain(key: str) -> None:
    assert hosts_for(key) == hosts_for(key.replace("_", "-")) == hosts_for(REGIONS[key])


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("us-est-1", "us_east_1"),
        ("mypurecloud.co.uk", "mypurecloud.com"),
        ("usw3.pure.cloud", "usw2.pure.cloud"),
    ],
)
def test_an_unknown_region_is_refused_with_the_closest_ones(written: str, meant: str) -> None:
    with pytest.raises(UnknownRegion, match=f"{written}.*Closest: .*{meant}"):
        hosts_for(written)


def test_a_region_like_no_other_is_refused_with_all_of_them() -> None:
    with pytest.raises(UnknownRegion, match=r"us_east_1 \(mypurecloud.com\).*eusc_de_east_1"):
        hosts_for("%%%")


def test_urls_take_precedence_over_the_region() -> None:
    assert hosts("eu_west_1", "https://gateway.example.com/genesys/", "https://sso.example.com") == Hosts(
        "https://gateway.example.com/genesys", "https://sso.example.com"
    )
    assert hosts("eu_west_1", login_url="https://sso.example.com").api_url == IRELAND.api_url
    assert hosts("eu_west_1") == IRELAND


@pytest.mark.parametrize(
    ("api", "login"),
    [
        ("https://api.mypurecloud.ie", "https://login.mypurecloud.ie"),
        ("http://127.0.0.1:8000", "http://127.0.0.1:8000"),
    ],
)
def test_the_login_url_follows_the_api_url(api: str, login: str) -> None:
    assert hosts(api_url=api).login_url == login


@pytest.mark.parametrize("address", ["api.mypurecloud.ie", "ftp://x", "https://"])
def test_a_malformed_url_is_refused(address: str) -> None:
    with pytest.raises(UnknownRegion, match="is not a URL of an API"):
        hosts(api_url=address)


def test_no_region_at_all_is_refused() -> None:
    with pytest.raises(UnknownRegion, match="No region is given"):
        hosts()
