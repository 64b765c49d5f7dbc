//! An engine whose writer has no thread: it works when it is told to, so that a run can be repeated
//! step by step.

use std::sync::Arc;

use tokio::sync::mpsc;

use super::{
    Engine, Options,
    sequencer::{Job, Sequencer},
};
use crate::error::Result;

/// An engine and its writer.
pub(crate) struct Stepped {
    pub(crate) engine: Arc<Engine>,
    sequencer: Sequencer,
    queue: mpsc::Receiver<Job>,
}

impl Stepped {
    /// As [`Engine::start`], but for the threads: erasures that a crash cut short wait for
    /// [`Engine::finish_seals`].
    pub(crate) fn start(options: Options) -> Result<Self> {
        let (engine, sequencer, queue) = Engine::assemble(options)?;
        Ok(Self {
            engine: Arc::new(engine),
            sequencer,
            queue,
        })
    }

    /// Records all that waits, as the writer's thread would in one batch.
    pub(crate) fn step(&mut self) {
        if let Ok(first) = self.queue.try_recv() {
            self.sequencer.work(first, &mut self.queue, &mut vec![]);
        }
    }
}
