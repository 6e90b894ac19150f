package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"

	"github.com/spf13/cobra"
)

// scenario is one kind of measurement.
type scenario struct {
	name     string
	validate func() error
	run      func(ctx context.Context, s *subject) (*Result, error)
	files    int // that the driver and a node it starts may have to open
}

// commonFlags are those of every scenario.
type commonFlags struct {
	subject subjectFlags
	json    bool
	profile string
}

// bench runs scenarios and writes their results.
type bench struct {
	flags  commonFlags
	stdout io.Writer
	log    *slog.Logger
}

func newCommand(stdout, stderr io.Writer) *cobra.Command {
	b := &bench{stdout: stdout, log: slog.New(slog.NewTextHandler(stderr, nil))}
	root := &cobra.Command{
		Use:   "yizhan-bench",
		Short: "Loads a Yizhan node and accounts for every message",
		Long: `Loads a Yizhan node and accounts for every message.

It measures a node that it starts for itself, with all data in a temporary
folder:

	yizhan-bench all --start bin/yizhan

or one that runs. It needs accounts, so it makes them through the HTTP API, of a
tenant that it makes at the node's admin endpoint or that you name:

	yizhan-bench send --lbs http://127.0.0.1:7480/lbs --admin 127.0.0.1:2019
	yizhan-bench send --lbs https://im.example.com/lbs --appkey … --secret …

The accounts and messages stay in the node.

Exit codes: 0 measured, and every message accounted for; 1 could not measure;
2 wrong arguments; 3 a message was lost, doubled, reordered or left unanswered.
A missed target is shown and does not change the exit code.`,
		SilenceUsage:  true,
		SilenceErrors: true,
		Args:          noArgs,
		RunE:          func(*cobra.Command, []string) error { return usageError{errors.New("which scenario?")} },
	}
	root.SetOut(stdout)
	root.SetErr(stderr)
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError{err} })
	root.CompletionOptions.DisableDefaultCmd = true
	b.addFlags(root)

	scenarios := []scenarioCommand{b.connect(), b.idle(), b.deliver(), b.send(), b.webIdle(), b.webFanout(), b.room()}
	var all []*scenario
	for _, s := range scenarios {
		root.AddCommand(s.command)
		all = append(all, s.scenario)
	}
	root.AddCommand(b.all(all...))
	return root
}

func (b *bench) addFlags(root *cobra.Command) {
	flags := root.PersistentFlags()
	s := &b.flags.subject
	flags.StringVar(&s.start, "start", "", "Start this yizhan binary on free ports of this machine, a fresh node for each scenario")
	flags.StringVar(&s.folder, "dir", "", "Folder of the node that --start starts; it is kept (default: a temporary one)")
	flags.StringVar(&s.lbs, "lbs", "", "URL of LBS of a running node")
	flags.StringVar(&s.link, "link", "", "host:port of a Link gateway, in place of --lbs")
	flags.StringVar(&s.key, "key", "", "Public key of that gateway")
	flags.StringVar(&s.apiURL, "api", "", "URL of the HTTP API (default: scheme and host of --lbs)")
	flags.StringVar(&s.web, "weblink", "", "URL of a running node's WebLink gateway, http:// or https://")
	flags.StringVar(&s.webRoot, "weblink-root", "", "File with the root certificate of that gateway, where the system does not trust it")
	flags.StringVar(&s.appKey, "appkey", "", "Tenant to use (default: a new one, made through --admin)")
	flags.StringVar(&s.secret, "secret", "", "Secret of that tenant")
	flags.StringVar(&s.admin, "admin", "", "host:port of the node's admin endpoint: makes a tenant, reads metrics and profiles")
	flags.IntVar(&s.pid, "pid", 0, "Process id of the node, when it runs on this machine: reads its CPU time and memory")
	flags.BoolVar(&s.compress, "compress", true, "Offer compression in the handshake, as apps do")
	flags.BoolVar(&b.flags.json, "json", false, "Print one JSON object per scenario, each on a line of its own")
	flags.StringVar(&b.flags.profile, "profile", "", "Write pprof profiles of node and driver into this folder")
}

// measure runs scenarios one after another, each with a node of its own when
// the driver starts it.
func (b *bench) measure(ctx context.Context, scenarios ...*scenario) error {
	if err := b.flags.subject.validate(); err != nil {
		return usageError{err}
	}
	for _, s := range scenarios {
		if err := s.validate(); err != nil {
			return usageError{err}
		}
	}
	var inexact error
	for _, s := range scenarios {
		err := b.measureOne(ctx, s)
		if errors.Is(err, errInexact) {
			inexact = err
		} else if err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
	}
	return inexact
}

func (b *bench) measureOne(ctx context.Context, sc *scenario) (err error) {
	if err := raiseFileLimit(sc.files + spareFiles); err != nil {
		return err
	}
	log := b.log.With("scenario", sc.name)
	s, err := b.flags.subject.open(ctx, log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	if s.profiler, err = newProfiler(b.flags.profile, sc.name, s.admin); err != nil {
		return err
	}
	r, err := sc.run(ctx, s)
	if err != nil {
		return err
	}
	if err := b.write(r); err != nil {
		return err
	}
	if !r.Exact {
		return errInexact
	}
	return nil
}

func (b *bench) write(r *Result) error {
	if b.flags.json {
		return r.writeJSON(b.stdout)
	}
	return r.writeTable(b.stdout)
}
