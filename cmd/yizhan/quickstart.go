package main

import (
	"bytes"
	"context"
	"crypto/tls"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"time"

	"github.com/caddyserver/caddy/v2"
	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	"github.com/spf13/cobra"

	"github.com/yizhan-im/yizhan/caddymodules"
)

// certificatePatience is how long the start waits for the certificate of the site
// for browsers. It usually takes milliseconds.
const certificatePatience = 5 * time.Second

//go:embed Caddyfile
var quickstartCaddyfile []byte

func init() {
	caddycmd.RegisterCommand(caddycmd.Command{
		Name:  "quickstart",
		Usage: "[--dir <folder>] [--https <address>] [--http <address>] [--link <address>] [--admin <address>]",
		Short: "Starts one node with a demo tenant and three accounts, to try Yizhan on this machine",
		Long: `
Starts a node on this machine that keeps everything in one folder. The first
start writes a commented Caddyfile into the folder and creates a demo tenant
with three accounts, alice, bob and carol; later starts find everything as it was
left.

It then prints what to try next: a chat for the browser, one for the terminal. Ctrl-C stops the node gracefully.`,
		CobraFunc: func(cmd *cobra.Command) {
			q := new(quickstart)
			cmd.Flags().StringVarP(&q.dir, "dir", "d", "run", "Folder for everything that the node keeps")
			cmd.Flags().StringVar(&q.https, "https", "127.0.0.1:7443", "Address of the site for browsers, with the chat")
			cmd.Flags().StringVar(&q.http, "http", "127.0.0.1:7480", "Address of LBS and the HTTP API")
			cmd.Flags().StringVar(&q.link, "link", "127.0.0.1:7400", "Address of the Link gateway")
			cmd.Flags().StringVar(&q.admin, "admin", "127.0.0.1:2019", "Address of the admin endpoint")
			cmd.Args = cobra.NoArgs
			cmd.RunE = func(cmd *cobra.Command, _ []string) error {
				cmd.SilenceUsage = true
				return q.run(cmd.Context(), cmd.OutOrStdout())
			}
		},
	})
}

type quickstart struct {
	dir, https, http, link, admin string
}

func (q *quickstart) run(ctx context.Context, out io.Writer) error {
	if ctx == nil {
		ctx = context.Background()
	}
	if err := os.MkdirAll(q.dir, 0o700); err != nil {
		return fmt.Errorf("--dir: %w", err)
	}
	httpHost, httpPort, err := net.SplitHostPort(q.http)
	if err != nil {
		return fmt.Errorf("--http: %w", err)
	}
	httpsHost, httpsPort, err := net.SplitHostPort(q.https)
	if err != nil {
		return fmt.Errorf("--https: %w", err)
	}
	for name, value := range map[string]string{
		"YIZHAN_DIR": q.dir, "YIZHAN_HTTP_HOST": httpHost, "YIZHAN_HTTP_PORT": httpPort,
		"YIZHAN_HTTPS_HOST": httpsHost, "YIZHAN_HTTPS_PORT": httpsPort,
		"YIZHAN_LINK": q.link, "YIZHAN_ADMIN": q.admin,
	} {
		if err := os.Setenv(name, value); err != nil {
			return err
		}
	}
	file, err := q.caddyfile()
	if err != nil {
		return err
	}
	config, _, _, err := caddycmd.LoadConfig(file, "caddyfile")
	if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	caddy.TrapSignals()
	if err := caddy.Load(config, true); err != nil {
		return fmt.Errorf("starting the node: %w", err)
	}
	node, err := caddymodules.ActiveNode(ctx)
	if err == nil {
		var d *demo
		if d, err = ensureDemo(ctx, node, q.dir); err == nil {
			q.awaitCertificate(ctx)
			q.explain(out, d)
		}
	}
	if err != nil {
		return errors.Join(fmt.Errorf("creating the demo tenant: %w", err), caddy.Stop())
	}
	select {} // Caddy's signal handler ends the process
}

// caddyfile is the Caddyfile of the folder, written at the first start.
func (q *quickstart) caddyfile() (string, error) {
	file := filepath.Join(q.dir, "Caddyfile")
	_, err := os.Stat(file)
	if errors.Is(err, fs.ErrNotExist) {
		err = os.WriteFile(file, quickstartCaddyfile, 0o644)
	}
	return file, err
}

func (q *quickstart) explain(out io.Writer, d *demo) {
	var b bytes.Buffer
	fmt.Fprintf(&b, `
Yizhan is running. Everything is in %[1]s; the log is %[1]s/yizhan.log. Ctrl-C stops it.
%[9]s
Chat, in two other terminals:

  %[2]s chat --lbs http://%[3]s/lbs --appkey %[4]s --account alice --token %[5]s --to bob --state-file %[1]s/alice.seen
  %[2]s chat --lbs http://%[3]s/lbs --appkey %[4]s --account bob --token %[6]s --to alice --state-file %[1]s/bob.seen

Stop one, write to it from the other, start it again: it misses nothing.

Browse the API for backends, with every call explained:

  http://%[3]s/nimserver/docs/

Send a message as a tenant's backend would:

  NOW=$(date +%%s); SUM=$(printf %%s %[7]sn1$NOW | sha1sum | cut -d' ' -f1)
  curl http://%[3]s/nimserver/msg/sendMsg.action -H "AppKey: %[4]s" -H "Nonce: n1" -H "CurTime: $NOW" -H "CheckSum: $SUM" \
    -d from=alice -d ope=0 -d to=bob -d type=0 --data-urlencode 'body={"msg":"hello from the backend"}'

Look at it:

  %[2]s status --address %[8]s
  %[2]s tenant list --address %[8]s
  curl http://%[8]s/metrics

`, q.dir, os.Args[0], q.http, d.AppKey, d.Tokens["alice"], d.Tokens["bob"], d.AppSecret, q.admin, q.explainChat())
	_, _ = b.WriteTo(out)
}

// hasChat reports whether the folder's Caddyfile serves the chat: one that an
// earlier version wrote does not.
func (q *quickstart) hasChat() bool {
	config, err := os.ReadFile(filepath.Join(q.dir, "Caddyfile"))
	return err == nil && bytes.Contains(config, []byte("yizhan_chat"))
}

// awaitCertificate waits until the site for browsers has its certificate, which
// Caddy gets in the background, so that the address works once it is printed. It
// does not wait for ever: the log says what is wrong.
func (q *quickstart) awaitCertificate(ctx context.Context) {
	if !q.hasChat() {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, certificatePatience)
	defer cancel()
	dialer := tls.Dialer{Config: &tls.Config{ServerName: "localhost", InsecureSkipVerify: true}} // only looks whether there is one
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		conn, err := dialer.DialContext(ctx, "tcp", q.https)
		if err == nil {
			_ = conn.Close()
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// explainChat tells how to chat in a browser.
func (q *quickstart) explainChat() string {
	if !q.hasChat() {
		return fmt.Sprintf(`
%s has no yizhan_chat, so there is no chat in the browser. If it was
written by an earlier version, delete it and start again to get a new one.
`, filepath.Join(q.dir, "Caddyfile"))
	}
	_, port, _ := net.SplitHostPort(q.https)
	return fmt.Sprintf(`
Chat, in two tabs of a browser:

  https://localhost:%[1]s/

The browser does not know the node's certificate yet: accept it, or let this machine
trust it once with %[2]s trust --address %[3]s
`, port, os.Args[0], q.admin)
}
