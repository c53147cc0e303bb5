"""The client sends secrets only to the API's own origin, by TLS or on this machine, whatever a path or a URL says."""

from __future__ import annotations

import pytest
import requests

from genesys_assets.cloud.errors import ForeignHost, GenesysCloudError, UnknownRegion
from genesys_assets.cloud.http.exchange import session
from genesys_assets.cloud.http.oauth import ClientCredentials
from genesys_assets.cloud.http.regions import Hosts, hosts
from genesys_assets.cloud.http.transport import GenesysCloud
from genesys_assets.cloud.http.urls import NotAUrl, checked_url, without_user_info
from genesys_assets_tests.cloud.platform import Clock, Platform, Reply

API = "https://api.example.com"


def credentials_of(platform: Platform, clock: Clock) -> ClientCredentials:
    """The credentials for the API, with the platform's login."""
    return ClientCredentials(
        api_url=API,
        login_url=platform.url,
        client_id="id",
        client_secret="secret",
        session=session(1),
        timeout=(9.0, 9.0),
        clock=clock,
    )


def request_to(url: str) -> requests.PreparedRequest:
    """A request as it is just before it is sent, without headers."""
    request = requests.PreparedRequest()
    request.headers, request.url = requests.structures.CaseInsensitiveDict(), url
    return request


@pytest.mark.parametrize(
    "url",
    [
        "https://other.example.com/api/v2/x",
        "http://api.example.com/api/v2/x",
        "https://api.example.com:8443/api/v2/x",
        "https://api.example.com.other.example.com/x",
        "https://api.example.com@other.example.com/x",
        "https://user:word@api.example.com/x",
        "https://api.example.com\\@other.example.com/x",
        "ftp://api.example.com/x",
        "//api.example.com/x",
        "",
    ],
)
def test_the_token_goes_nowhere_else(url: str, platform: Platform, clock: Clock) -> None:
    credentials, request = credentials_of(platform, clock), request_to(url)
    with pytest.raises(ForeignHost, match="nowhere else"):
        credentials(request)
    assert not request.headers
    # The client sent nothing, not even a request for a token.
    assert platform.requests == []


@pytest.mark.parametrize("url", [f"{API}/x", f"{API}:443/x", "HTTPS://API.example.com/x"])
def test_the_token_goes_to_the_api(url: str, platform: Platform, clock: Clock) -> None:
    credentials, request = credentials_of(platform, clock), request_to(url)
    assert credentials(request).headers["Authorization"] == "Bearer token-1"


@pytest.mark.parametrize("path", ["@elsewhere.example.com/x", ".elsewhere.example.com/x", "1/x", ":1/x"])
def test_an_invalid_path_is_not_requested(path: str, platform: Platform, cloud: GenesysCloud) -> None:
    platform.on("/x", Reply())
    with pytest.raises(GenesysCloudError):
        cloud.get(path)
    assert all(request.path == "/oauth/token" for request in platform.requests)


@pytest.mark.parametrize("address", ["http://api.example.com", "http://10.0.0.1", "https://me:hush@api.example.com"])
def test_no_client_is_made_for_a_url_that_exposes_secrets(address: str) -> None:
    for given in (Hosts(address, API), Hosts(API, address)):
        with pytest.raises(ForeignHost, match="not a URL to send secrets to") as refused:
            GenesysCloud(given, "id", "secret")
        assert "hush" not in str(refused.value)
    with pytest.raises(UnknownRegion) as unknown:
        hosts(api_url=address)
    assert "hush" not in str(unknown.value)


@pytest.mark.parametrize(
    "address",
    ["https://api.example.com/", "http://127.0.0.1:8080", "http://localhost", "http://[::1]:80", "https://x/gw"],
)
def test_tls_or_this_machine_is_fine(address: str) -> None:
    assert checked_url(address) == address.rstrip("/")


@pytest.mark.parametrize("address", ["https://api.example.com?a=b", "https://api.example.com/#", "https://x/gw?a#b"])
def test_a_url_behind_which_a_path_would_be_ignored_is_refused(address: str) -> None:
    with pytest.raises(NotAUrl, match=r"holds no \? and no #"):
        checked_url(address)
    with pytest.raises(UnknownRegion, match=r"holds no \? and no #"):
        hosts(api_url=address)
    assert checked_url(address, tls=False) == address.rstrip("/")


@pytest.mark.parametrize("address", ["", "x", "https://", "file:///x", "https://[", "https://x:99999", "https://x\n.y"])
def test_an_invalid_url_is_refused(address: str) -> None:
    with pytest.raises(NotAUrl):
        checked_url(address)


def test_a_user_and_a_password_are_hidden() -> None:
    assert without_user_info("https://me:a/b@c@api.example.com/x") == "https://***@api.example.com/x"
    assert without_user_info("me:word@host") == "***@host"
    assert without_user_info("https://api.example.com") == "https://api.example.com"
