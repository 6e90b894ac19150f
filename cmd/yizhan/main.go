// Command yizhan is Caddy with Yizhan's modules and commands built in.
//
// Every command of Caddy works: run, start, stop, reload, validate, adapt, fmt…
// Our own are quickstart, chat, tenant and status.
package main

import (
	"os"
	"slices"
	"strings"

	"github.com/caddyserver/caddy/v2"
	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	_ "github.com/caddyserver/caddy/v2/modules/standard"

	"github.com/yizhan-im/yizhan/caddymodules"
)

func main() {
	caddy.CustomBinaryName = "yizhan"
	caddy.CustomLongDescription = `Yizhan (驿站) is an instant-messaging appliance: a Caddy server with a Link
gateway for apps, a replicated store, access-point selection (LBS) and an HTTP
API for tenants' backends.

To try it on this machine, with a demo tenant and a chat in the browser:

	$ yizhan quickstart

To run it with a Caddyfile of your own:

	$ yizhan validate --config Caddyfile
	$ yizhan run --config Caddyfile

All of Caddy's commands and modules are here too: https://caddyserver.com/docs/`
	if onlyValidates(os.Args[1:]) {
		caddymodules.ValidateOnly()
	}
	caddycmd.Main()
}

// onlyValidates reports whether the command with these arguments looks at a
// configuration and runs none: `validate`, and `adapt` for its --validate.
func onlyValidates(args []string) bool {
	i := slices.IndexFunc(args, func(arg string) bool { return !strings.HasPrefix(arg, "-") })
	return i >= 0 && (args[i] == "validate" || args[i] == "adapt")
}
