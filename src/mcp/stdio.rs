//! The protocol over standard input and output, for clients that start local processes.

use rmcp::ServiceExt as _;
use rmcp::service::ServerInitializeError;
use rmcp::transport::async_rw::AsyncRwTransport;

use super::Door;

/// The longest line, in bytes: above that of a call with the most files that can be allowed.
const LINE_LIMIT: usize = 40 << 20;

/// Serves until standard input ends.
///
/// # Errors
/// Where the client does not speak the protocol, in one line.
pub async fn serve(door: Door) -> Result<(), String> {
    let (input, output) = rmcp::transport::stdio();
    let transport = AsyncRwTransport::new_server(input, output).with_max_line_length(LINE_LIMIT);
    let running = match door.serve(transport).await {
        Ok(running) => running,
        // A client that leaves before it has said anything has done nothing wrong.
        Err(ServerInitializeError::ConnectionClosed(_)) => return Ok(()),
        Err(_) => {
            return Err(
                "the client did not begin with a request of the Model Context Protocol".to_owned(),
            );
        }
    };
    running
        .waiting()
        .await
        .map_err(|_| "the connection over standard input broke".to_owned())?;
    Ok(())
}
