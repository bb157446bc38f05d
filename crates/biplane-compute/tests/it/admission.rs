//! How a host becomes a node, stays one, and is one no longer.

use crate::relay::{Credential, connect_to, credential, own};
use crate::support::{Agent, PATIENCE, World, agent, alive, dies, eventually, quick};
use biplane_api::ids::NodeId;
use biplane_api::nodes::NodeTokenRequest;
use biplane_node::{JoinToken, NodeConfig, NodeError, Refusal};
use biplane_platform::ErrorCode;
use biplane_platform::db::args;
use biplane_platform::testing::ctx;
use biplane_proto::admission::{
    AdmissionRequest, AdmissionResponse, Answer, JOIN_NAME, Join, Nothing, Retire, Wish, receive,
    send,
};
use biplane_proto::preface::{RELAY_NAME, Role};
use serde_json::Value;
use std::path::Path;
use std::time::Duration;

async fn ends(agent: Agent) -> NodeError {
    tokio::time::timeout(PATIENCE, agent.task).await.unwrap().unwrap().unwrap_err()
}

/// An agent on another host.
fn on_another_host(world: &World, node_id: &NodeId, token: Option<JoinToken>) -> Agent {
    let data_dir = tempfile::tempdir_in(world.db.dir()).unwrap().keep();
    let config = NodeConfig { data_dir, join_token: token, ..world.node_config("serve") };
    agent(node_id.clone(), config)
}

/// Rewrites a number of the identity that is kept in `place`.
fn identity_change(place: &Path, name: &str, change: impl FnOnce(i64) -> i64) {
    let file = place.join("identity.json");
    let mut identity: Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
    identity[name] = change(identity[name].as_i64().unwrap()).into();
    std::fs::write(&file, identity.to_string()).unwrap();
}

async fn ask(
    world: &World,
    name: &'static str,
    who: Option<&Credential>,
    node_id: &str,
    wish: Wish,
) -> Option<Answer> {
    let key = rcgen::KeyPair::generate().unwrap();
    ask_for(world, name, who, node_id, wish, &key).await
}

async fn ask_for(
    world: &World,
    name: &'static str,
    who: Option<&Credential>,
    node_id: &str,
    wish: Wish,
    key: &rcgen::KeyPair,
) -> Option<Answer> {
    let mut stream = connect_to(&world.ca, world.relay, name, who).await.ok()?;
    Role::Admission { node_id: node_id.into() }.write(&mut stream).await.ok()?;
    let request = rcgen::CertificateParams::default().serialize_request(key).unwrap();
    let signing_request = request.der().to_vec();
    send(&mut stream, &AdmissionRequest { signing_request, wish: Some(wish) }).await.ok()?;
    receive::<_, AdmissionResponse>(&mut stream).await.ok()?.answer
}

fn refused(answer: Option<Answer>) -> String {
    match answer {
        Some(Answer::Refused(reason)) => reason,
        other => panic!("not refused: {other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_lets_one_host_in_as_what_the_token_says() {
    let world = World::without_node(quick()).await;
    let request = NodeTokenRequest {
        region: "eu".into(),
        labels: [("rack".to_owned(), "7".to_owned())].into(),
        ..NodeTokenRequest::default()
    };
    let made = world.compute.node_token_create(&world.ctx, request).await.unwrap();
    let token: JoinToken = made.token.parse().unwrap();
    let first = on_another_host(&world, &made.info.node_id, Some(token.clone()));
    world.nodes(1).await;
    let nodes = world.compute.node_list(&world.ctx, None, None).await.unwrap().nodes;
    assert_eq!((&nodes[0].id, nodes[0].region.as_str()), (&made.info.node_id, "eu"));
    assert_eq!(nodes[0].labels["rack"], "7");
    // Another host is too late.
    let second = on_another_host(&world, &made.info.node_id, Some(token));
    assert!(
        matches!(ends(second).await, NodeError::NotAdmitted(reason) if reason.contains("was used"))
    );
    assert!(!first.task.is_finished());
    // What is kept does not let anybody in.
    let tokens = world.compute.node_token_list(&world.ctx).await.unwrap().tokens;
    let listed = tokens.iter().find(|one| one.token_id == made.info.token_id).unwrap();
    assert!(listed.used_at.is_some());
    let row = world.db.db.read().await.unwrap();
    let hash = { row }
        .fetch_one("SELECT secret_hash FROM node_tokens WHERE used_at IS NOT NULL", args![])
        .await
        .unwrap()
        .text(0)
        .unwrap();
    assert!(!made.token.contains(&hash));
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_that_are_no_good_let_nobody_in() {
    let world = World::without_node(quick()).await;
    let (expired, expired_id) = world.token("", &[]).await;
    let mut tx = world.db.db.write().await.unwrap();
    let sql = "UPDATE node_tokens SET expires_at = created_at - 1 WHERE id = $1";
    tx.execute(sql, args![&expired.id]).await.unwrap();
    tx.commit().await.unwrap();
    let (deleted, _) = world.token("", &[]).await;
    world.compute.node_token_delete(&world.ctx, &deleted.id).await.unwrap();
    let (good, _) = world.token("", &[]).await;
    let forged = JoinToken { secret: [7; 32], ..good.clone() };
    let elsewhere = JoinToken { pin: [7; 32], ..good.clone() };
    for (token, expected) in [
        (Some(expired), "expired"),
        (Some(deleted), "does not know"),
        (Some(forged), "does not know"),
        (Some(elsewhere), "not the one"),
        (None, "has not joined"),
    ] {
        let error = ends(on_another_host(&world, &expired_id, token)).await.to_string();
        assert!(error.contains(expected), "{error}");
    }
    assert!(world.compute.node_list(&world.ctx, None, None).await.unwrap().nodes.is_empty());
    // The one that others tried to guess is good still.
    let _node = on_another_host(&world, &expired_id, Some(good));
    world.nodes(1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_was_lost_is_given_again_to_the_same_key() {
    let world = World::without_node(quick()).await;
    let (token, node_id) = world.token("", &[]).await;
    let wish = Wish::Join(Join { token_id: token.id.clone(), secret: token.secret.to_vec() });
    let key = rcgen::KeyPair::generate().unwrap();
    for _ in 0..2 {
        let answer = ask_for(&world, JOIN_NAME, None, "new", wish.clone(), &key).await;
        let Some(Answer::Admitted(admitted)) = answer else {
            panic!("not admitted: {answer:?}");
        };
        assert_eq!(admitted.node_id, node_id.as_str());
    }
    assert!(refused(ask(&world, JOIN_NAME, None, "new", wish).await).contains("was used"));
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_asks_in_the_name_of_another() {
    let world = World::new().await;
    world.node_connected(true).await;
    let other = world.start_other_node("", &[], Duration::ZERO).await;
    world.nodes(2).await;
    let mine = own(&world);
    // Without a certificate there is nothing to renew.
    for wish in [Wish::Renew(Nothing {}), Wish::Succeed(Nothing {})] {
        refused(ask(&world, JOIN_NAME, None, "new", wish).await);
    }
    let wish = || Wish::Renew(Nothing {});
    assert_eq!(ask(&world, RELAY_NAME, Some(&mine), other.node_id.as_str(), wish()).await, None);
    let retire = Wish::Retire(Retire { node_id: other.node_id.to_string() });
    let id = world.node_id.as_str();
    let reason = refused(ask(&world, RELAY_NAME, Some(&mine), id, retire).await);
    assert!(reason.contains("same host"), "{reason}");
    let stale = credential(&world.ca, &world.node_id, "an-earlier-one");
    refused(ask(&world, RELAY_NAME, Some(&stale), id, wish()).await);
    assert!(matches!(
        ask(&world, RELAY_NAME, Some(&mine), id, wish()).await,
        Some(Answer::Admitted(_))
    ));
    world.nodes(2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_admins_of_the_account_let_in_and_remove() {
    let world = World::without_node(quick()).await;
    let ctx = ctx("somebody@example.org");
    let denied = |code| assert_eq!(code, ErrorCode::PermissionDenied);
    let request = NodeTokenRequest::default();
    denied(world.compute.node_token_create(&ctx, request).await.unwrap_err().code);
    denied(world.compute.node_token_list(&ctx).await.unwrap_err().code);
    denied(world.compute.node_token_delete(&ctx, &world.token.id).await.unwrap_err().code);
    denied(world.compute.node_delete(&ctx, &world.node_id).await.unwrap_err().code);
    for wrong in [
        NodeTokenRequest { region: "a b".into(), ..Default::default() },
        NodeTokenRequest { ttl_seconds: Some(0), ..Default::default() },
        NodeTokenRequest { ttl_seconds: Some(i64::MAX), ..Default::default() },
        NodeTokenRequest { labels: [(String::new(), "x".into())].into(), ..Default::default() },
        NodeTokenRequest { labels: [("x".into(), "a\nb".into())].into(), ..Default::default() },
    ] {
        let error = world.compute.node_token_create(&world.ctx, wrong).await.unwrap_err();
        assert_eq!(error.code, ErrorCode::InvalidParameterValue);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_is_renewed_when_two_thirds_of_its_life_are_over() {
    let mut world = World::new().await;
    world.node_connected(true).await;
    world.stop_node().await;
    let before = std::fs::read(world.place().join("identity.json")).unwrap();
    let expires = async || {
        let nodes = world.compute.node_list(&world.ctx, None, None).await.unwrap().nodes;
        nodes[0].certificate_expires_at
    };
    let expired_before = expires().await;
    identity_change(&world.place(), "obtained_at", |at| at - 2_700_000);
    let node = agent(world.node_id.clone(), world.node_config("serve"));
    eventually("another certificate", async || (expires().await > expired_before).then_some(()))
        .await;
    eventually("another identity", async || {
        let now = std::fs::read(world.place().join("identity.json")).unwrap();
        (now != before && String::from_utf8_lossy(&now).contains(world.node_id.as_str()))
            .then_some(())
    })
    .await;
    // The next connections are made with it; those that are there stay.
    let id = world.create("one").await;
    world.ask(&id, "hello").await;
    assert!(!node.task.is_finished());
}

#[tokio::test(flavor = "multi_thread")]
async fn who_let_its_certificate_expire_joins_again_or_not_at_all() {
    let mut world = World::new().await;
    world.node_connected(true).await;
    world.stop_node().await;
    identity_change(&world.place(), "obtained_at", |at| at - 3_600_000);
    let without = NodeConfig { join_token: None, ..world.node_config("serve") };
    assert!(matches!(ends(agent(world.node_id.clone(), without)).await, NodeError::Expired));
    // Nor does the clock of the host decide alone.
    identity_change(&world.place(), "obtained_at", |at| at + 3_600_000);
    let mut tx = world.db.db.write().await.unwrap();
    tx.execute("UPDATE nodes SET certificate_expires_at = 1", args![]).await.unwrap();
    tx.commit().await.unwrap();
    let without = NodeConfig { join_token: None, ..world.node_config("serve") };
    let error = ends(agent(world.node_id.clone(), without)).await;
    assert!(matches!(error, NodeError::Refused(Refusal::Expired)), "{error}");
    identity_change(&world.place(), "obtained_at", |at| at - 3_600_000);
    let (token, node_id) = world.token("", &[]).await;
    let with = NodeConfig { join_token: Some(token), ..world.node_config("serve") };
    let _node = agent(node_id.clone(), with);
    eventually("the new node", async || {
        let nodes = world.compute.node_list(&world.ctx, None, None).await.unwrap().nodes;
        nodes.iter().any(|node| node.id == node_id && node.connected).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_was_removed_is_refused_at_once_and_runs_nothing() {
    let mut world = World::new().await;
    let id = world.create("one").await;
    let pid = world.pid(&id).await;
    let lease = world.acquire(&id).await.unwrap();
    world.compute.node_delete(&world.ctx, &world.node_id).await.unwrap();
    lease.lost().cancelled().await;
    let error = ends(world.node.take().unwrap()).await;
    assert!(matches!(error, NodeError::Refused(Refusal::Unknown)), "{error}");
    assert!(!alive(pid));
    let again = world.compute.node_delete(&world.ctx, &world.node_id).await.unwrap_err();
    assert_eq!(again.code, ErrorCode::ResourceDoesNotExist);
    drop(lease);
    // Its certificate is good for nothing, and another node takes its place.
    let mine = own(&world);
    let node_id = world.node_id.as_str();
    let renew = ask(&world, RELAY_NAME, Some(&mine), node_id, Wish::Renew(Nothing {})).await;
    assert!(refused(renew).contains("does not know"));
    let _other = world.start_other_node("", &[], Duration::ZERO).await;
    assert_eq!(world.ask(&id, "hello").await, "hello");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_with_a_token_at_hand_comes_back_after_it_was_forgotten() {
    let mut world = World::new().await;
    let id = world.create("one").await;
    let pid = world.pid(&id).await;
    world.stop_node().await;
    let mut tx = world.db.db.write().await.unwrap();
    tx.execute("DELETE FROM nodes", args![]).await.unwrap();
    tx.notify("nodes", world.node_id.as_str());
    tx.commit().await.unwrap();
    let new = biplane_compute::NewNode {
        node_id: Some(world.node_id.clone()),
        ..biplane_compute::NewNode::default()
    };
    world.token = world.compute.node_token_issue(new).await.unwrap().0;
    world.start_node("serve");
    world.nodes(1).await;
    assert_ne!(world.pid(&id).await, pid);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_agents_with_one_identity_the_later_one_is_the_node() {
    let mut world = World::new().await;
    let id = world.create("one").await;
    let pid = world.pid(&id).await;
    let copy = tempfile::tempdir_in(world.db.dir()).unwrap().keep();
    let place = copy.join("agents/a");
    std::fs::create_dir_all(&place).unwrap();
    for file in ["identity.json", "incarnation"] {
        std::fs::copy(world.place().join(file), place.join(file)).unwrap();
    }
    let config = NodeConfig { data_dir: copy, join_token: None, ..world.node_config("serve") };
    let later = agent(world.node_id.clone(), config);
    let error = ends(world.node.take().unwrap()).await;
    assert!(matches!(error, NodeError::Refused(Refusal::Superseded)), "{error}");
    dies(pid).await;
    let next = eventually("another engine", async || world.try_ask(&id, "pid").await).await;
    assert_ne!(next, pid.to_string());
    assert!(!later.task.is_finished());
    // The first one, started again, would be the later one; until then there is one.
    assert_eq!(world.compute.node_list(&world.ctx, None, None).await.unwrap().nodes.len(), 1);
}
