//! A line for people, as tracing writes it: time, level, target, fields.

use std::fmt;

use tracing::{Event, Level, Subscriber};
use tracing_subscriber::fmt::format::{Format, Full, Writer};
use tracing_subscriber::fmt::time::FormatTime;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

use crate::timestamp::Precise;

/// The time that it is.
pub(super) struct Clock;

impl FormatTime for Clock {
    fn format_time(&self, writer: &mut Writer<'_>) -> fmt::Result {
        writer.write_str(Precise::now().as_str())
    }
}

/// Writes lines. One that has no colours and is in no span, as there is for every call, is written
/// without asking of each part how it should look.
pub(super) struct Events(Format<Full, Clock>);

impl Events {
    pub(super) fn new() -> Self {
        Self(Format::default().with_timer(Clock))
    }
}

impl<S, N> FormatEvent<S, N> for Events
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        if writer.has_ansi_escapes() || context.event_scope().is_some() {
            return self.0.format_event(context, writer, event);
        }
        let level = match *event.metadata().level() {
            Level::ERROR => " ERROR ",
            Level::WARN => "  WARN ",
            Level::INFO => "  INFO ",
            Level::DEBUG => " DEBUG ",
            Level::TRACE => " TRACE ",
        };
        let now = Precise::now();
        for part in [now.as_str(), level, event.metadata().target(), ": "] {
            writer.write_str(part)?;
        }
        context.format_fields(writer.by_ref(), event)?;
        writer.write_char('\n')
    }
}
