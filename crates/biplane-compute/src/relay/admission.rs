//! Hosts that want to be nodes, and nodes that want to stay it: one wish, one answer, the end.

use super::Refused;
use crate::Compute;
use crate::ca::NodeName;
use crate::nodes::admission::NotAdmitted;
use biplane_proto::admission::{
    AdmissionRequest, AdmissionResponse, Answer, Nothing, Wish, receive, send,
};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;

const EXCHANGE_TIMEOUT: Duration = Duration::from_secs(10);
/// On top, for a database that is busy.
const DECISION_TIMEOUT: Duration = Duration::from_secs(30);

/// Of a host without a certificate.
pub(super) async fn join(
    compute: &Arc<Compute>,
    stream: TlsStream<TcpStream>,
) -> Result<(), Refused> {
    exchange(stream, async |request| match &request.wish {
        Some(Wish::Join(join)) => {
            compute.node_join(join, &request.signing_request).await.map(Answer::Admitted)
        }
        _ => Err(NotAdmitted::UnknownToken),
    })
    .await
}

pub(super) async fn serve(
    compute: &Arc<Compute>,
    stream: TlsStream<TcpStream>,
    name: &NodeName,
    known: Result<(), NotAdmitted>,
) -> Result<(), Refused> {
    exchange(stream, async |request| {
        known?;
        let key = &request.signing_request;
        match &request.wish {
            Some(Wish::Renew(_)) => compute.node_renew(name, key).await.map(Answer::Admitted),
            Some(Wish::Succeed(_)) => compute.node_succeed(name, key).await.map(Answer::Admitted),
            Some(Wish::Retire(retire)) => {
                compute.node_retire(name, retire).await.map(|()| Answer::Done(Nothing {}))
            }
            Some(Wish::Join(_)) | None => Err(NotAdmitted::UnknownToken),
        }
    })
    .await
}

async fn exchange(
    mut stream: TlsStream<TcpStream>,
    decide: impl AsyncFnOnce(AdmissionRequest) -> Result<Answer, NotAdmitted>,
) -> Result<(), Refused> {
    let asked = tokio::time::timeout(EXCHANGE_TIMEOUT, receive(&mut stream));
    let asked: AdmissionRequest = asked.await.map_err(|_| Refused::Silent)??;
    let decided =
        tokio::time::timeout(DECISION_TIMEOUT, decide(asked)).await.map_err(|_| Refused::Silent)?;
    let (answer, result) = match decided {
        Ok(answer) => (answer, Ok(())),
        // It is not its fault, and it asks again.
        Err(error @ (NotAdmitted::Internal(_) | NotAdmitted::Sign(_))) => return Err(error.into()),
        Err(error) => (Answer::Refused(error.to_string()), Err(error.into())),
    };
    let answer = AdmissionResponse { answer: Some(answer) };
    let told = async {
        send(&mut stream, &answer).await?;
        stream.shutdown().await
    };
    tokio::time::timeout(EXCHANGE_TIMEOUT, told).await.map_err(|_| Refused::Silent)??;
    result
}
