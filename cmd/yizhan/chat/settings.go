package chat

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/yizhan-im/yizhan/appliance/sdk"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

// tokenVariable is where the token may come from instead of the command line,
// which other users of the machine can see.
const tokenVariable = "YIZHAN_TOKEN"

// settings are what the command line says.
type settings struct {
	options   sdk.Options
	stateFile string
	to        string
	history   int
	receipts  bool
	stay      bool
	debug     bool
	timeout   time.Duration
}

const usageText = `Usage: yizhan chat --lbs URL --appkey KEY --account NAME [--to NAME] [flags]

Chats in the terminal. What you type goes to the account that --to or /to names;
what arrives from anyone is printed. /help lists the commands.

Input may also come from a pipe: each line is a message or a command, and the
client ends when the input does.

  YIZHAN_TOKEN=… yizhan chat --lbs http://127.0.0.1:7480/lbs --appkey demo --account alice --to bob

Flags:
`

const exitText = `
Exit code: 0 done, 1 something failed, 2 wrong usage, 3 the server refused the
login, 4 kicked.
`

var platforms = map[string]wire.Platform{
	"pc": wire.Platform_PLATFORM_PC, "android": wire.Platform_PLATFORM_ANDROID, "ios": wire.Platform_PLATFORM_IOS,
	"web": wire.Platform_PLATFORM_WEB, "mac": wire.Platform_PLATFORM_MAC,
}

// parse reads the command line; flag.ErrHelp means that help was asked for and
// written to help.
func parse(args []string, help io.Writer) (*settings, error) {
	s := new(settings)
	o := &s.options
	var platform string
	var noReceipts bool
	f := flag.NewFlagSet("chat", flag.ContinueOnError)
	f.SetOutput(io.Discard)
	f.StringVar(&o.LBS, "lbs", "", "`URL` of LBS, which says where to connect")
	f.StringVar(&o.AppKey, "appkey", "", "the tenant's `key`")
	f.StringVar(&o.Account, "account", "", "your account's `name`")
	f.StringVar(&o.Token, "token", "", "your account's `token`; better: the environment variable "+tokenVariable)
	f.StringVar(&s.to, "to", "", "`account` to chat with")
	f.StringVar(&s.stateFile, "state-file", "", "`file` that remembers what you have seen: a restart shows what you missed")
	f.StringVar(&o.DeviceID, "device", "", "`name` of this device (default: a random one, kept in the state file)")
	f.StringVar(&platform, "platform", "pc", "kind of this device: pc, mac, web, ios or android")
	f.StringVar(&o.ServerKey, "server-key", "", "the gateway's public `key`, to trust no other")
	f.StringVar(&o.Env, "env", "", "`name` of the environment whose access points to use")
	f.IntVar(&s.history, "history", 20, "how many earlier messages to show")
	f.BoolVar(&noReceipts, "no-receipts", false, "do not tell the peer that you have read (use /read)")
	f.BoolVar(&s.stay, "stay", false, "go on receiving after the input has ended")
	f.DurationVar(&s.timeout, "timeout", 30*time.Second, "how long a command may take, reconnects included")
	f.BoolVar(&s.debug, "debug", false, "log what the client does to stderr")
	if err := f.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			fmt.Fprint(help, usageText)
			f.SetOutput(help)
			f.PrintDefaults()
			fmt.Fprint(help, exitText)
		}
		return nil, err
	}
	if f.NArg() > 0 {
		return nil, fmt.Errorf("unexpected argument %q", f.Arg(0))
	}
	if o.Token == "" {
		o.Token = os.Getenv(tokenVariable)
	}
	var missing []string
	for _, required := range []struct{ name, value string }{
		{"--lbs", o.LBS}, {"--appkey", o.AppKey}, {"--account", o.Account}, {"--token (or " + tokenVariable + ")", o.Token},
	} {
		if required.value == "" {
			missing = append(missing, required.name)
		}
	}
	if len(missing) > 0 {
		return nil, fmt.Errorf("%s missing", strings.Join(missing, ", "))
	}
	var known bool
	if o.Platform, known = platforms[platform]; !known {
		return nil, fmt.Errorf("--platform %q is not one of pc, mac, web, ios, android", platform)
	}
	if s.timeout <= 0 {
		return nil, errors.New("--timeout must be more than 0")
	}
	s.history = min(max(s.history, 0), 100)
	s.receipts = !noReceipts
	s.to = strings.ToLower(s.to)
	if o.Backlog = s.history; s.history == 0 {
		o.Backlog = -1
	}
	return s, nil
}
