//! What a server says when it starts.

use super::assemble::scheme;
use crate::auth::Keys;
use crate::config::Config;
use crate::tools::TOOLS;

/// What the original promised at its start: where it is, what it can do, how to be let in.
pub(super) fn welcome(config: &Config, keys: &Keys, address: &str) -> String {
    let url = format!("{}://{address}", scheme(config)).replace("127.0.0.1", "localhost");
    let mut text = format!(
        "Discord MCP server {} on {url}\n\nTools\n",
        env!("CARGO_PKG_VERSION")
    );
    for tool in &TOOLS {
        text += &format!(
            "  {:<18}{:<18}{}\n",
            tool.name,
            tool.title,
            tool.scope.as_str()
        );
    }
    text += &format!(
        "\nAuthentication\n  Every call needs `Authorization: Bearer <JWT>`. Mint one with\n    TOKEN=$(discord-mcp-server mint-token)\n  or, in a checkout,\n    TOKEN=$(cargo run -q --example mint_token)\n\nCalls\n  POST {url}/mcp/v1/tools/invoke\n  GET  {url}/mcp/v1/tools\n  MCP  {url}/mcp\n\n"
    );
    let dir = config.keys_dir.display();
    if keys.created {
        text += &format!("New keys were made in {dir}/.\n");
    }
    text += &format!(
        "Keys: {dir}/ (kid {})   Audit: {}   Stop: Ctrl-C\n",
        keys.kid(),
        config.audit_log.display()
    );
    text
}
