//! What happens to a model, as it happens.

use axum::extract::State;
use axum::response::Response;
use http::HeaderMap;
use lazuli_api::{Code, Event, EventQuery};
use lazuli_model::id::{GenericUuid as _, ModelId};
use lazuli_store::events::{self, EventId, Page};
use tokio::time::timeout;

use super::stream::{Cut, HEARTBEAT, Writer, answer, message, no_longer_kept, place};
use crate::app::App;
use crate::error::Error;
use crate::extract::{InModel, Query, Read};

/// Events read at once.
const PAGE: u32 = 200;

/// Follows a model's events, as server-sent events. Without a point to begin
/// after only what happens from now on is sent.
#[utoipa::path(get, path = "/models/{model}/events", tag = "models", params(EventQuery),
    responses((status = 200, body = Event, content_type = "text/event-stream")))]
pub(super) async fn follow_events(
    State(app): State<App>,
    scope: InModel<Read>,
    Query(query): Query<EventQuery>,
    headers: HeaderMap,
) -> Result<Response, Error> {
    let last = headers
        .get("last-event-id")
        .map(|id| id.to_str().unwrap_or("?"))
        .filter(|id| !id.is_empty());
    let from = match last.or(query.since.as_deref()) {
        Some(text) => read_id(text)?,
        None => EventId {
            revision: app.cache.revision(scope.model).await?,
            n: u32::MAX,
        },
    };
    let place = place(&app, scope.session.user.id)?;
    // Said at once, where a client can still see a status.
    let first = events::after(app.store.pool(), scope.model, capped(from), PAGE).await?;
    if first == Page::Gone {
        return Err(no_longer_kept());
    }
    let (follower, model) = (app.clone(), scope.model);
    Ok(answer(
        &app,
        place,
        scope.standing(),
        move |writer| async move { follow(&follower, model, from, &writer).await },
    ))
}

/// An id of an event, or a revision: all of its events are known then.
fn read_id(text: &str) -> Result<EventId, Error> {
    let (revision, n) = text.split_once('.').unwrap_or((text, "4294967295"));
    match (revision.parse(), n.parse()) {
        (Ok(revision), Ok(n)) => Ok(EventId { revision, n }),
        _ => Err(Error::problem(
            Code::BadRequest,
            "an event's id is its revision and number: 17.0",
        )),
    }
}

/// Numbers of events are small; the store's are signed.
fn capped(id: EventId) -> EventId {
    EventId {
        n: id.n.min(i32::MAX.unsigned_abs()),
        ..id
    }
}

async fn follow(app: &App, model: ModelId, from: EventId, writer: &Writer) -> Result<(), Cut> {
    let mut feed = app.store.feed().subscribe(model);
    let mut last = from;
    writer.beat().await?;
    loop {
        // Seen before reading: what comes after it wakes the wait below.
        let removed = feed.borrow_and_update().is_none();
        let page = match events::after(app.store.pool(), model, capped(last), PAGE).await {
            Ok(Page::Events(page)) => page,
            Ok(Page::Gone) => {
                writer.end(no_longer_kept()).await;
                return Ok(());
            }
            Err(error) => {
                writer.end(error.into()).await;
                return Ok(());
            }
        };
        let full = page.len() == PAGE as usize;
        for event in page {
            last = event.id;
            let event = shown(event);
            match message(&event.id(), &event.kind, &event) {
                Ok(event) => writer.send(event).await?,
                Err(error) => {
                    writer.end(error).await;
                    return Ok(());
                }
            }
        }
        if full {
            continue;
        }
        if removed {
            return Ok(());
        }
        tokio::select! {
            () = writer.gone() => return Err(Cut),
            woken = timeout(HEARTBEAT, feed.changed()) => match woken {
                Ok(Ok(())) => {}
                Ok(Err(_)) => return Ok(()),
                Err(_) => writer.beat().await?,
            },
        }
    }
}

fn shown(event: events::Event) -> Event {
    Event {
        revision: event.id.revision,
        n: event.id.n,
        model: event.model.into_untyped_uuid().to_string(),
        entity: event.entity,
        entity_id: event.entity_id.to_string(),
        name: event.name,
        kind: event.kind,
        actor: event.actor,
        after: event.after,
        at: event.at,
    }
}
