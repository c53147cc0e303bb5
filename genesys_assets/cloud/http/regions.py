"""The hosts of Genesys Cloud's API and login, by region, in each way that people write a region."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from types import MappingProxyType

from genesys_assets.cloud.errors import UnknownRegion
from genesys_assets.cloud.http.urls import NotAUrl, checked_url, without_user_info

REGIONS = MappingProxyType(
    {
        "us_east_1": "mypurecloud.com",
        "eu_west_1": "mypurecloud.ie",
        "ap_southeast_2": "mypurecloud.com.au",
        "ap_northeast_1": "mypurecloud.jp",
        "eu_central_1": "mypurecloud.de",
        "us_west_2": "usw2.pure.cloud",
        "ca_central_1": "cac1.pure.cloud",
        "ap_northeast_2": "apne2.pure.cloud",
        "eu_west_2": "euw2.pure.cloud",
        "ap_south_1": "aps1.pure.cloud",
        "us_east_2": "use2.us-gov-pure.cloud",
        "sa_east_1": "sae1.pure.cloud",
        "me_central_1": "mec1.pure.cloud",
        "ap_northeast_3": "apne3.pure.cloud",
        "eu_central_2": "euc2.pure.cloud",
        "mx_central_1": "mxc1.pure.cloud",
        "ap_southeast_1": "apse1.pure.cloud",
        "eusc_de_east_1": "edee1.eusc-pure.cloud",
    }
)
"""The domain of each region. Source: `PureCloudRegionHosts` of the platform's SDK 269.0.0."""


@dataclass(frozen=True, slots=True)
class Hosts:
    """The two URLs of an organisation, without a trailing slash."""

    api_url: str
    login_url: str


def hosts_for(region: str) -> Hosts:
    """The hosts of a region, written as key or domain. Raises UnknownRegion, which names the closest regions.

    >>> hosts_for("eu-west-1").api_url
    'https://api.mypurecloud.ie'
    >>> hosts_for("login.usw2.pure.cloud").login_url
    'https://login.usw2.pure.cloud'
    """
    name = region.strip().lower()
    domain = REGIONS.get(name.replace("-", "_"), _bare_domain(name))
    if domain not in REGIONS.values():
        raise UnknownRegion(f"{without_user_info(region)!r} is not a region of Genesys Cloud. {_closest(name)}")
    return Hosts(api_url=f"https://api.{domain}", login_url=f"https://login.{domain}")


def hosts(region: str | None = None, api_url: str | None = None, login_url: str | None = None) -> Hosts:
    """The hosts of a region, or those given instead: a gateway or the sandbox. Raises UnknownRegion.

    Without a login URL the API's is used, with `//api.` replaced by `//login.`:

    >>> hosts(api_url="https://api.example.com/").login_url
    'https://login.example.com'
    >>> hosts(api_url="http://127.0.0.1:8765").login_url
    'http://127.0.0.1:8765'
    """
    if api_url:
        api = _url(api_url)
        return Hosts(api_url=api, login_url=_url(login_url) if login_url else api.replace("//api.", "//login."))
    if not region:
        raise UnknownRegion(
            "No region is given. Name the organisation's region, for example us_east_1 or mypurecloud.com,"
            " or the URL of an API."
        )
    region_hosts = hosts_for(region)
    return Hosts(api_url=region_hosts.api_url, login_url=_url(login_url) if login_url else region_hosts.login_url)


def _url(url: str) -> str:
    try:
        return checked_url(url)
    except NotAUrl as error:
        shown = without_user_info(url)
        raise UnknownRegion(
            f"{shown!r} is not a URL of an API: {error}. Write it like https://api.mypurecloud.com."
        ) from None


def _bare_domain(name: str) -> str:
    host = name.split("//", 1)[-1].split("/", 1)[0]
    for prefix in ("api.", "login.", "apps."):
        host = host.removeprefix(prefix)
    return host


def _closest(name: str) -> str:
    candidates = [*REGIONS, *REGIONS.values()]
    spellings = (name.replace("-", "_"), _bare_domain(name))
    close = [match for text in spellings for match in get_close_matches(text, candidates, n=3, cutoff=0.6)]
    if close:
        return f"Closest: {', '.join(dict.fromkeys(close))}."
    return f"Known are {', '.join(f'{key} ({domain})' for key, domain in REGIONS.items())}."
