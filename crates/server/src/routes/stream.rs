//! What streams share: their number, their heartbeat, their end.

use axum::response::sse::Event;
use axum::response::{IntoResponse as _, Response, Sse};
use futures::Stream;
use futures::stream::unfold;
use lazuli_api::{Code, Problem};
use lazuli_model::id::UserId;
use tokio::sync::mpsc;
use tokio::time::Duration;

use crate::app::App;
use crate::error::Error;
use crate::extract::Standing;
use crate::places::Place;

/// A comment is sent when there was nothing for so long.
pub(super) const HEARTBEAT: Duration = Duration::from_secs(15);
/// A reader that takes nothing for so long is cut off; it can resume.
const SLOW: Duration = Duration::from_secs(30);
/// Messages that wait for a reader.
const WAITING: usize = 64;

/// One of the places for streams.
pub(super) fn place(app: &App, user: UserId) -> Result<Place, Error> {
    app.streams
        .take(user)
        .ok_or_else(|| Error::busy("too many streams are open: try again later", 5))
}

/// The writer's end of a stream.
pub(super) struct Writer {
    sender: mpsc::Sender<Event>,
    _place: Place,
}

/// The reader is gone, or too slow.
pub(super) struct Cut;

impl Writer {
    /// Sends a message; waits a while for a reader that is behind.
    pub(super) async fn send(&self, event: Event) -> Result<(), Cut> {
        self.sender.send_timeout(event, SLOW).await.map_err(|_| Cut)
    }

    /// Sends something that is nothing, to show that the server is there.
    pub(super) async fn beat(&self) -> Result<(), Cut> {
        self.send(Event::default().comment("")).await
    }

    /// Says why the stream ends, as its last words.
    pub(super) async fn end(&self, error: Error) {
        let problem = error.into_problem();
        if let Ok(data) = serde_json::to_string(&problem) {
            // The reader may be gone already.
            let _ = self
                .send(Event::default().event("problem").data(data))
                .await;
        }
    }

    /// Ends when the reader has gone.
    pub(super) async fn gone(&self) {
        self.sender.closed().await;
    }
}

/// Answers a stream that `write` fills on a task of its own. It ends when the
/// reader goes, when it is too slow or may not read any more, or when the
/// server stops.
pub(super) fn answer<F>(
    app: &App,
    place: Place,
    standing: Standing,
    write: impl FnOnce(Writer) -> F,
) -> Response
where
    F: Future<Output = Result<(), Cut>> + Send + 'static,
{
    let (sender, receiver) = mpsc::channel(WAITING);
    let writer = Writer {
        sender,
        _place: place,
    };
    let writing = write(writer);
    let (app, stopping) = (app.clone(), app.stopping.clone());
    tokio::spawn(async move {
        tokio::select! {
            ended = writing => drop(ended),
            () = stopping.cancelled() => {}
            () = standing.lost(app) => {}
        }
    });
    Sse::new(messages(receiver)).into_response()
}

fn messages(
    receiver: mpsc::Receiver<Event>,
) -> impl Stream<Item = Result<Event, std::convert::Infallible>> {
    unfold(receiver, |mut receiver| async move {
        let event = receiver.recv().await?;
        Some((Ok(event), receiver))
    })
}

/// A message with an id to resume after.
pub(super) fn message(id: &str, kind: &str, data: &impl serde::Serialize) -> Result<Event, Error> {
    let data = serde_json::to_string(data)
        .map_err(|error| Error::Bug(format!("a message cannot be written: {error}")))?;
    Ok(Event::default().id(id).event(kind).data(data))
}

/// What was asked for is no longer kept.
pub(super) fn no_longer_kept() -> Error {
    Error::Problem(Box::new(Problem::new(
        Code::Gone,
        "the events after that point are no longer kept: read the status, then follow from its \
         revision",
    )))
}
