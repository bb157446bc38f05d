"""A person signs in: the SDK's own PKCE flow, with the login page's part played by requests."""

import base64
import json
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import NotImplemented
from databricks.sdk.oauth import OAuthClient, get_account_endpoints, get_workspace_endpoints
from databricks.sdk.service import iam

PASSWORD = "a password for the test"


@pytest.fixture
def person(w):
    made = w.users.create(user_name="pkce@example.com")
    w.users.patch(
        made.id,
        operations=[iam.Patch(op=iam.PatchOp.REPLACE, path="password", value=PASSWORD)],
        schemas=[iam.PatchSchema.URN_IETF_PARAMS_SCIM_API_MESSAGES_2_0_PATCH_OP],
    )
    yield made
    w.users.delete(made.id)


def sign_in(server, person):
    browser = requests.Session()
    login = {"user_name": person.user_name, "password": PASSWORD}
    browser.post(f"{server.url}/api/2.0/biplane/auth/login", json=login).raise_for_status()
    return browser


def consent_of(server, endpoints):
    client = OAuthClient(
        oidc_endpoints=endpoints,
        redirect_url="http://localhost:8020",
        client_id="databricks-cli",
        scopes=["all-apis", "offline_access"],
    )
    return client.initiate_consent()


def test_a_person_signs_in_with_the_browser(server, person):
    for endpoints in (get_workspace_endpoints(server.url), get_account_endpoints(server.url, server.account_id)):
        consent = consent_of(server, endpoints)
        to_login = requests.get(consent.authorization_url, allow_redirects=False)
        assert to_login.headers["location"].startswith("/login?next=")
        back = sign_in(server, person).get(consent.authorization_url, allow_redirects=False)
        params = parse_qs(urlsplit(back.headers["location"]).query)
        credentials = consent.exchange(params["code"][0], params["state"][0])
        token = credentials.token()
        me = WorkspaceClient(host=server.url, token=token.access_token).current_user.me()
        assert me.user_name == person.user_name
        assert credentials.refresh().access_token != token.access_token


def test_a_session_needs_its_csrf_token_to_change_anything(server, person):
    browser = sign_in(server, person)
    path = f"{server.url}/api/2.0/token/create"
    assert browser.get(f"{server.url}/api/2.0/biplane/auth/session").json()["user_name"] == person.user_name
    assert browser.post(path, json={}).status_code == 403
    made = browser.post(path, json={}, headers={"X-CSRF-Token": browser.cookies["biplane_csrf"]})
    assert made.json()["token_value"].startswith("dapi")


def test_openid_tells_who_signed_in(server, person):
    endpoints = get_workspace_endpoints(server.url)
    client = OAuthClient(
        oidc_endpoints=endpoints, redirect_url="http://localhost:8020", client_id="databricks-cli", scopes=["all-apis", "openid", "email"]
    )
    consent = client.initiate_consent()
    back = sign_in(server, person).get(consent.authorization_url, allow_redirects=False)
    code = parse_qs(urlsplit(back.headers["location"]).query)["code"][0]
    form = {
        "grant_type": "authorization_code",
        "client_id": "databricks-cli",
        "code": code,
        "code_verifier": consent._verifier,
        "redirect_uri": "http://localhost:8020",
    }
    made = requests.post(endpoints.token_endpoint, data=form).json()
    payload = made["id_token"].split(".")[1]
    claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    assert (claims["aud"], claims["email"]) == ("databricks-cli", person.user_name)
    issued = requests.get(f"{server.url}/oidc/.well-known/openid-configuration").json()
    assert claims["iss"] == issued["issuer"] and "openid" in issued["scopes_supported"]


def test_federation_is_refused_clearly(server, a):
    form = {"grant_type": "urn:ietf:params:oauth:grant-type:token-exchange", "subject_token": "a.b.c"}
    answer = requests.post(f"{server.url}/oidc/v1/token", data=form)
    assert answer.status_code == 400 and answer.json()["error"] == "unsupported_grant_type"
    with pytest.raises(NotImplemented):
        list(a.federation_policy.list())
