//! Events told within this process.

use std::sync::Arc;

use async_trait::async_trait;
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;
use url::Url;
use wisdom_core::event::StoredEvent;
use wisdom_core::port::event_stream::{EventFeed, EventFilter, EventStream, EventSubscription, FeedItem};
use wisdom_core::port::{PortError, PortErrorKind};

/// A stream for one process: publishing never waits for a listener, and a listener that falls more than the buffer
/// behind is told to read the state again. With several processes each tells its own listeners only what its own
/// relay claimed; use a stream outside of the process then.
#[derive(Debug, Clone)]
pub struct InProcessStream {
    sender: broadcast::Sender<Arc<StoredEvent>>,
}

impl InProcessStream {
    /// A stream that keeps the last `buffer` events for slow listeners: 64 to 65536, rounded up to a power of two;
    /// numbers outside are moved to the nearest end.
    #[must_use]
    pub fn new(buffer: usize) -> Self {
        Self {
            sender: broadcast::Sender::new(buffer.clamp(64, 65_536)),
        }
    }

    /// Opens `in-process:?buffer=1024`, which is also the size when it is left out.
    ///
    /// # Errors
    /// `Invalid` for another scheme, an unknown option, or a size outside of 64 to 65536.
    pub fn from_url(url: &Url) -> Result<Self, PortError> {
        let invalid =
            |why: &str| PortError::new("event_stream", "open", PortErrorKind::Invalid).with_source(why);
        if url.scheme() != "in-process" {
            return Err(invalid("the URL must begin with in-process:"));
        }
        let mut buffer = 1024;
        for (name, value) in url.query_pairs() {
            if name != "buffer" {
                return Err(invalid(&format!("unknown option {name:?}; known is buffer")));
            }
            buffer = value
                .parse()
                .ok()
                .filter(|n| (64..=65_536).contains(n))
                .ok_or_else(|| invalid("buffer must be from 64 to 65536"))?;
        }
        Ok(Self::new(buffer))
    }

    /// Listeners that there are now.
    #[must_use]
    pub fn listeners(&self) -> usize {
        self.sender.receiver_count()
    }
}

#[async_trait]
impl EventStream for InProcessStream {
    async fn publish(&self, batch: &[StoredEvent]) -> Result<(), PortError> {
        for event in batch {
            if self.sender.receiver_count() > 0 {
                // Fails only when the last listener left a moment ago, which is as good as told.
                let _ = self.sender.send(Arc::new(event.clone()));
            }
        }
        Ok(())
    }
}

impl EventFeed for InProcessStream {
    fn subscribe(&self, filter: EventFilter) -> Box<dyn EventSubscription> {
        Box::new(Listener {
            receiver: self.sender.subscribe(),
            filter,
        })
    }
}

#[derive(Debug)]
struct Listener {
    receiver: broadcast::Receiver<Arc<StoredEvent>>,
    filter: EventFilter,
}

#[async_trait]
impl EventSubscription for Listener {
    async fn next(&mut self) -> Option<FeedItem> {
        loop {
            match self.receiver.recv().await {
                Ok(event) if self.filter.matches(&event) => return Some(FeedItem::Event(event)),
                Ok(_) => {}
                Err(RecvError::Lagged(missed)) => return Some(FeedItem::Resync { missed }),
                Err(RecvError::Closed) => return None,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::{Ready, ready};

    use wisdom_core::port::event_stream::conformance::event;

    use super::*;

    fn make() -> Ready<(InProcessStream, ())> {
        ready((InProcessStream::new(256), ()))
    }

    wisdom_core::event_stream_conformance!(make);

    #[tokio::test]
    async fn dropping_the_stream_ends_its_listeners() {
        let stream = InProcessStream::new(64);
        let mut listener = stream.subscribe(EventFilter::everything());
        assert_eq!(stream.listeners(), 1);
        stream.publish(&[event(1, 7, "a.b")]).await.unwrap();
        drop(stream);
        assert!(matches!(listener.next().await, Some(FeedItem::Event(_))));
        assert_eq!(listener.next().await, None);
    }

    #[tokio::test]
    async fn the_buffer_is_as_configured() {
        let stream = InProcessStream::from_url(&Url::parse("in-process:?buffer=64").unwrap()).unwrap();
        let mut listener = stream.subscribe(EventFilter::everything());
        let batch: Vec<_> = (0..65).map(|n| event(n, 7, "a.b")).collect();
        stream.publish(&batch).await.unwrap();
        assert_eq!(listener.next().await, Some(FeedItem::Resync { missed: 1 }));
        for bad in [
            "nats:",
            "in-process:?buffer=1",
            "in-process:?buffer=x",
            "in-process:?size=64",
        ] {
            let refused = InProcessStream::from_url(&Url::parse(bad).unwrap()).unwrap_err();
            assert_eq!(refused.kind, PortErrorKind::Invalid, "{bad}");
        }
    }
}
