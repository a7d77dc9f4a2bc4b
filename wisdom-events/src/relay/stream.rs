//! The consumer that tells the event stream: live feeds, and whatever listens outside of this process.

use std::sync::Arc;

use async_trait::async_trait;
use wisdom_core::event::StoredEvent;
use wisdom_core::mail::MAIL_REQUESTED;
use wisdom_core::port::event_stream::EventStream;

use crate::bus::{Consumer, ConsumerError};

/// Publishes events to the [`EventStream`] port.
///
/// Requests for mail are left out: they are sealed, nobody but the mail consumer can read them, and a stream that is
/// away must not make a mail that was sent be sent again.
#[derive(Debug)]
pub struct StreamConsumer {
    stream: Arc<dyn EventStream>,
}

impl StreamConsumer {
    /// A consumer that publishes to this stream.
    #[must_use]
    pub fn new(stream: Arc<dyn EventStream>) -> Self {
        Self { stream }
    }
}

#[async_trait]
impl Consumer for StreamConsumer {
    fn name(&self) -> &'static str {
        "stream"
    }

    fn wants(&self, kind: &str) -> bool {
        kind != MAIL_REQUESTED
    }

    async fn handle(&self, event: &StoredEvent) -> Result<(), ConsumerError> {
        self.stream.publish(std::slice::from_ref(event)).await?;
        Ok(())
    }
}
