//! Logs and events: pages, and streams that can be resumed.

use reqwest::Method;
use reqwest::header::{ACCEPT, HeaderMap, HeaderValue};

use super::http::with_query;
use super::sse::SseStream;
use super::{ClientError, ModelClient};
use crate::event::Event;
use crate::history::{StatusLog, StatusLogQuery};
use crate::log::{LogLine, LogPage, LogQuery};

impl ModelClient {
    /// `GET .../status-log`: the history of statuses.
    ///
    /// # Errors
    ///
    /// Fails when there is no such entity, or it has no such status.
    pub async fn status_log(&self, query: &StatusLogQuery) -> Result<StatusLog, ClientError> {
        self.get(&["status-log"], query).await
    }

    /// `GET .../logs`: a page.
    ///
    /// # Errors
    ///
    /// Fails on filters that are none.
    pub async fn logs(&self, query: &LogQuery) -> Result<LogPage, ClientError> {
        let query = LogQuery {
            follow: false,
            ..query.clone()
        };
        self.get(&["logs"], &query).await
    }

    /// `GET .../logs?follow=true`: lines as they come. Go on after a break
    /// with the last message's id as `query.after`.
    ///
    /// # Errors
    ///
    /// Fails on filters that are none.
    pub async fn follow_logs(&self, query: &LogQuery) -> Result<SseStream<LogLine>, ClientError> {
        let query = LogQuery {
            follow: true,
            ..query.clone()
        };
        let url = with_query(self.url(&["logs"]), &query)?;
        self.stream(url, None).await
    }

    /// `GET .../events`: events as they come, after `last` if one is named.
    /// Go on after a break with the last message's id.
    ///
    /// # Errors
    ///
    /// [`crate::Code::Gone`] when `last` is no longer kept: read the status
    /// anew, then follow from its revision.
    pub async fn events(&self, last: Option<&str>) -> Result<SseStream<Event>, ClientError> {
        self.stream(self.url(&["events"]), last).await
    }

    async fn stream<T>(
        &self,
        url: url::Url,
        last: Option<&str>,
    ) -> Result<SseStream<T>, ClientError> {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_static("text/event-stream"));
        if let Some(last) = last {
            let last = HeaderValue::try_from(last)
                .map_err(|_| ClientError::SetUp("that is no event id".to_owned()))?;
            headers.insert("last-event-id", last);
        }
        let request = self.client.request(Method::GET, url).headers(headers);
        let response = self.client.send_unread(request).await?;
        Ok(SseStream::new(
            self.client.server().to_string(),
            Box::pin(response.bytes_stream()),
        ))
    }
}
