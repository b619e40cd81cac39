//! What every [`Outbox`] must do; a backend's own test is one call of [`outbox`].
