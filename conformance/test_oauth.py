"""A person signs in: the SDK's own PKCE flow, with the login page's part played by requests."""

from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from databricks.sdk import WorkspaceClient
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
