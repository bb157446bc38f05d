//! Being let in, and staying: the conversation of `biplane_proto::admission`, from the side of the node.

use crate::identity::{Identity, NewKey};
use crate::place::Place;
use crate::tls::{DialError, Dialer};
use crate::{NodeError, control, jittered};
use biplane_api::ids::NodeId;
use biplane_proto::admission::{
    AdmissionRequest, AdmissionResponse, Admitted, Answer, Join, JoinToken, Nothing, Retire, Wish,
    receive, send,
};
use biplane_proto::preface::Role;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;
use tokio::time::Instant;

const BACKOFF_MIN: Duration = Duration::from_millis(200);
const BACKOFF_MAX: Duration = Duration::from_secs(30);
/// How often the clocks are looked at: one stands still while the host sleeps, one can be set.
const LOOK_MAX: Duration = Duration::from_secs(30);
const LOOK_MIN: Duration = Duration::from_millis(10);
/// For the other agent to let go of its place, once it has ended.
const FREE_POLL: Duration = Duration::from_millis(50);

#[derive(Debug, thiserror::Error)]
enum AskError {
    #[error(transparent)]
    Dial(#[from] DialError),
    #[error("the control plane did not answer")]
    Io(#[from] std::io::Error),
    #[error("the control plane did not answer in time")]
    Timeout,
    #[error("{0}")]
    Refused(String),
    #[error(transparent)]
    Node(#[from] NodeError),
}

impl AskError {
    /// Asking again does not help.
    fn is_final(&self) -> bool {
        matches!(
            self,
            Self::Refused(_)
                | Self::Node(_)
                | Self::Dial(DialError::Refused(_) | DialError::Stranger)
        )
    }

    fn told(self) -> NodeError {
        match self {
            Self::Node(error) => error,
            other => NodeError::NotAdmitted(other.to_string()),
        }
    }
}

/// The identity that this agent begins with. Asks until it is answered.
pub async fn obtain(
    dialer: &Dialer,
    place: &Place,
    token: &mut Option<JoinToken>,
) -> Result<Identity, NodeError> {
    let kept = Identity::load(&place.dir).map_err(|source| place.failed(source))?;
    let kept = kept.filter(|one| token.as_ref().is_none_or(|token| one.pinned(&token.pin)));
    match (kept, &place.predecessor, token.take()) {
        (Some(kept), _, unused) if !kept.expired() => {
            *token = unused;
            Ok(kept)
        }
        (_, Some(predecessor), unused) => {
            *token = unused;
            succeed(dialer, place, predecessor).await
        }
        (_, None, Some(token)) => join(dialer, place, &token).await,
        (Some(_), None, None) => Err(NodeError::Expired),
        (None, None, None) => Err(NodeError::NotJoined),
    }
}

pub async fn join(
    dialer: &Dialer,
    place: &Place,
    token: &JoinToken,
) -> Result<Identity, NodeError> {
    // One key for all attempts: when an answer is lost, the token is good for this key still.
    let key = NewKey::make()?;
    let join = Join { token_id: token.id.clone(), secret: token.secret.to_vec() };
    let request = AdmissionRequest {
        signing_request: key.signing_request.clone(),
        wish: Some(Wish::Join(join)),
    };
    let (pin, request) = (token.pin, &request);
    let admitted = persist("join", move || async move {
        let role = Role::Admission { node_id: "new".into() };
        let stream = dialer.dial_joining(pin, &role).await?;
        admitted(ask(dialer, stream, request).await?)
    });
    let identity = key.admitted(&admitted.await?, 1)?;
    if !identity.pinned(&token.pin) {
        return Err(NodeError::Answer);
    }
    identity.save(&place.dir).map_err(|source| place.failed(source))?;
    tracing::info!(node_id = %identity.node_id, "joined");
    Ok(identity)
}

/// Beside the agent that runs, as a node of its own.
async fn succeed(
    dialer: &Dialer,
    place: &Place,
    predecessor: &Identity,
) -> Result<Identity, NodeError> {
    let key = NewKey::make()?;
    dialer.set(predecessor)?;
    let signing_request = key.signing_request.as_slice();
    let admitted = persist("take over", move || async move {
        admitted(ask_as(dialer, predecessor, signing_request, Wish::Succeed(Nothing {})).await?)
    });
    let identity = key.admitted(&admitted.await?, predecessor.serial + 1)?;
    identity.save(&place.dir).map_err(|source| place.failed(source))?;
    tracing::info!(node_id = %identity.node_id, predecessor = %predecessor.node_id, "taking over");
    Ok(identity)
}

async fn persist<T, F>(what: &str, attempt: impl Fn() -> F) -> Result<T, NodeError>
where
    F: Future<Output = Result<T, AskError>>,
{
    let mut backoff = BACKOFF_MIN;
    loop {
        match attempt().await {
            Ok(done) => return Ok(done),
            Err(error) if error.is_final() => return Err(error.told()),
            Err(error) => {
                tracing::warn!(what, error = &error as &dyn std::error::Error, "trying again");
            }
        }
        tokio::time::sleep(jittered(backoff)).await;
        backoff = (backoff * 2).min(BACKOFF_MAX);
    }
}

/// Renews the certificate when two thirds of its life have passed, by either clock. Never returns.
pub async fn keep_renewed(dialer: &Dialer, place: &Place, mut identity: Identity) {
    let mut since = Instant::now().checked_sub(identity.age()).unwrap_or_else(Instant::now);
    let mut backoff = BACKOFF_MIN;
    loop {
        let life = identity.life();
        // A little earlier or later, so that hosts started together do not ask together.
        let due = life.mul_f64(0.6) + jittered(life / 15);
        while since.elapsed() < due && identity.age() < due {
            let left = due - since.elapsed().min(due);
            tokio::time::sleep(left.min(LOOK_MAX).max(LOOK_MIN)).await;
        }
        match renew(dialer, place, &identity).await {
            Ok(next) => {
                tracing::debug!(node_id = %next.node_id, "certificate renewed");
                (identity, since, backoff) = (next, Instant::now(), BACKOFF_MIN);
            }
            Err(error) => {
                // When it is refused for good, so is the connection: that is where it is dealt with.
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "the certificate could not be renewed"
                );
                tokio::time::sleep(jittered(backoff)).await;
                backoff = (backoff * 2).min(BACKOFF_MAX);
            }
        }
    }
}

async fn renew(dialer: &Dialer, place: &Place, current: &Identity) -> Result<Identity, AskError> {
    let key = NewKey::make()?;
    let answer = ask_as(dialer, current, &key.signing_request, Wish::Renew(Nothing {})).await?;
    let next = key.admitted(&admitted(answer)?, current.serial)?;
    next.save(&place.dir)?;
    dialer.set(&next)?;
    Ok(next)
}

/// Once this agent serves: has the one before it drain, and tells when it is no more. Never returns.
pub async fn take_over(
    dialer: &Dialer,
    place: &Place,
    identity: &Identity,
    mut connected: watch::Receiver<bool>,
) {
    if place.gone.is_empty() || connected.wait_for(|connected| *connected).await.is_err() {
        return std::future::pending().await;
    }
    if place.predecessor.is_some() {
        // Without an answer it has ended already, or does so when whoever started it wants that.
        if let Err(error) = control::drain(&place.other_dir).await {
            tracing::info!(%error, "the agent before this one does not listen");
        }
        while !place.other_is_free() {
            tokio::time::sleep(FREE_POLL).await;
        }
    }
    for node_id in &place.gone {
        retire(dialer, identity, node_id).await;
    }
    if let Err(error) = Identity::remove(&place.other_dir) {
        tracing::warn!(%error, "what the agent before this one was could not be removed");
    }
    tracing::info!("took over");
    std::future::pending().await
}

async fn retire(dialer: &Dialer, identity: &Identity, node_id: &NodeId) {
    let done = persist("retire the agent before", move || async move {
        let wish = Wish::Retire(Retire { node_id: node_id.to_string() });
        ask_as(dialer, identity, &[], wish).await.map(|_| ())
    });
    if let Err(error) = done.await {
        tracing::warn!(%node_id, %error, "a node of this host could not be retired");
    }
}

async fn ask_as(
    dialer: &Dialer,
    identity: &Identity,
    signing_request: &[u8],
    wish: Wish,
) -> Result<Answer, AskError> {
    let stream = dialer.dial(&Role::Admission { node_id: identity.node_id.to_string() }).await?;
    let signing_request = signing_request.to_vec();
    ask(dialer, stream, &AdmissionRequest { signing_request, wish: Some(wish) }).await
}

async fn ask(
    dialer: &Dialer,
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    request: &AdmissionRequest,
) -> Result<Answer, AskError> {
    let exchange = async {
        send(&mut stream, request).await?;
        receive::<_, AdmissionResponse>(&mut stream).await
    };
    let answered = tokio::time::timeout(dialer.patience(), exchange);
    match answered.await.map_err(|_| AskError::Timeout)?.map_err(DialError::from_io)?.answer {
        Some(Answer::Refused(reason)) => Err(AskError::Refused(reason)),
        Some(answer) => Ok(answer),
        None => Err(NodeError::Answer.into()),
    }
}

fn admitted(answer: Answer) -> Result<Admitted, AskError> {
    match answer {
        Answer::Admitted(admitted) => Ok(admitted),
        _ => Err(NodeError::Answer.into()),
    }
}
