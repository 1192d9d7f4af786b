//! Operations and tasks.

use std::time::Duration;

use reqwest::header::{ETAG, HeaderMap, HeaderName, HeaderValue, IF_NONE_MATCH};
use reqwest::{Method, StatusCode};
use serde::de::DeserializeOwned;

use super::{ClientError, ModelClient};
use crate::entity::Changed;
use crate::operation::{
    ActionList, CancelTask, Exec, HookList, OperationInfo, OperationList, OperationQuery,
    RunAction, TaskInfo,
};

/// What a request may take beyond what it is to wait.
const GRACE: Duration = Duration::from_secs(30);

/// A document that is followed, and the mark of what is known of it.
#[derive(Clone, Debug)]
pub struct Followed<T> {
    /// As it is now.
    pub document: T,
    mark: Option<HeaderValue>,
}

impl ModelClient {
    /// `GET .../applications/{application}/actions`.
    ///
    /// # Errors
    ///
    /// Fails when there is no such application.
    pub async fn actions(&self, application: &str) -> Result<ActionList, ClientError> {
        self.get(&["applications", application, "actions"], &())
            .await
    }

    /// `GET .../applications/{application}/hooks`.
    ///
    /// # Errors
    ///
    /// Fails when there is no such application.
    pub async fn hooks(&self, application: &str) -> Result<HookList, ClientError> {
        self.get(&["applications", application, "hooks"], &()).await
    }

    /// `POST .../operations`: runs an action.
    ///
    /// # Errors
    ///
    /// Fails when nothing can be asked for at all; what cannot be scheduled in
    /// single places is said by the operation.
    pub async fn run_action(&self, what: &RunAction) -> Result<Changed, ClientError> {
        self.write(Method::POST, &["operations"], what).await
    }

    /// `POST .../exec`: runs a command.
    ///
    /// # Errors
    ///
    /// As [`Self::run_action`].
    pub async fn exec(&self, what: &Exec) -> Result<Changed, ClientError> {
        self.write(Method::POST, &["exec"], what).await
    }

    /// `GET .../operations`.
    ///
    /// # Errors
    ///
    /// Fails on a status that is none.
    pub async fn operations(&self, query: &OperationQuery) -> Result<OperationList, ClientError> {
        self.get(&["operations"], query).await
    }

    /// `GET .../operations/{operation}`.
    ///
    /// # Errors
    ///
    /// Fails when there is no such operation.
    pub async fn operation(&self, id: &str) -> Result<Followed<OperationInfo>, ClientError> {
        self.look(&["operations", id], None, Duration::ZERO).await
    }

    /// Waits until an operation has changed, at most for so long; whether it
    /// has.
    ///
    /// # Errors
    ///
    /// As [`Self::operation`].
    pub async fn follow_operation(
        &self,
        known: &mut Followed<OperationInfo>,
        wait: Duration,
    ) -> Result<bool, ClientError> {
        let id = known.document.id.clone();
        self.follow(&["operations", &id], known, wait).await
    }

    /// `GET .../tasks/{task}`.
    ///
    /// # Errors
    ///
    /// Fails when there is no such task.
    pub async fn task(&self, id: &str) -> Result<Followed<TaskInfo>, ClientError> {
        self.look(&["tasks", id], None, Duration::ZERO).await
    }

    /// As [`Self::follow_operation`].
    ///
    /// # Errors
    ///
    /// As [`Self::task`].
    pub async fn follow_task(
        &self,
        known: &mut Followed<TaskInfo>,
        wait: Duration,
    ) -> Result<bool, ClientError> {
        let id = known.document.id.clone();
        self.follow(&["tasks", &id], known, wait).await
    }

    /// `POST .../tasks/{task}/cancel`.
    ///
    /// # Errors
    ///
    /// Fails when there is no such task.
    pub async fn cancel_task(&self, id: &str) -> Result<Changed, ClientError> {
        self.write(Method::POST, &["tasks", id, "cancel"], &CancelTask {})
            .await
    }

    async fn follow<T: DeserializeOwned>(
        &self,
        segments: &[&str],
        known: &mut Followed<T>,
        wait: Duration,
    ) -> Result<bool, ClientError> {
        match self.look_again(segments, known.mark.clone(), wait).await? {
            Some(new) => {
                *known = new;
                Ok(true)
            }
            None => Ok(false),
        }
    }

    async fn look<T: DeserializeOwned>(
        &self,
        segments: &[&str],
        mark: Option<HeaderValue>,
        wait: Duration,
    ) -> Result<Followed<T>, ClientError> {
        let found = self.look_again(segments, mark, wait).await?;
        found.ok_or_else(|| self.client.unexpected(&segments.join("/"), "no document"))
    }

    async fn look_again<T: DeserializeOwned>(
        &self,
        segments: &[&str],
        mark: Option<HeaderValue>,
        wait: Duration,
    ) -> Result<Option<Followed<T>>, ClientError> {
        let mut headers = HeaderMap::new();
        if let Some(mark) = mark {
            headers.insert(IF_NONE_MATCH, mark);
        }
        if !wait.is_zero() {
            let prefer = format!("wait={}", wait.as_secs_f64());
            if let Ok(value) = HeaderValue::try_from(prefer) {
                headers.insert(HeaderName::from_static("prefer"), value);
            }
        }
        let url = self.url(segments);
        let response = self.client.get_response(url, headers, wait + GRACE).await?;
        if response.status() == StatusCode::NOT_MODIFIED {
            return Ok(None);
        }
        let mark = response.headers().get(ETAG).cloned();
        Ok(Some(Followed {
            document: self.client.json(response).await?,
            mark,
        }))
    }
}
