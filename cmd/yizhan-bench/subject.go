package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/url"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"github.com/yizhan-im/yizhan/appliance/link/channel"
	"github.com/yizhan-im/yizhan/appliance/secure"
)

// subjectFlags say which node to measure: one that runs, or one to start.
type subjectFlags struct {
	start  string
	folder string

	lbs, link, key string
	apiURL         string
	appKey, secret string
	admin          string
	web, webRoot   string
	pid            int

	compress bool
}

// subject is the node under test.
type subject struct {
	gateway gateway
	web     webGateway
	api     *api
	admin   *admin // nil when it is not known
	meter   meter  // nil when the node's usage is not known
	pid     int    // 0 when the node does not run on this machine
	node    *node  // nil when the driver did not start it
	codecs  secure.Codecs
	fsyncMs float64
	notes   []string
	cleanup []func() error
	run     uint32 // random: tells this run's accounts and messages from others'
	log     *slog.Logger

	profiler *profiler // nil: no profiles
}

// validate refuses what does not fit together, before anything happens.
func (f *subjectFlags) validate() error {
	switch {
	case f.start != "" && (f.lbs != "" || f.link != ""):
		return errors.New("give either --start or a running node (--lbs or --link), not both")
	case f.start != "":
		return nil
	case f.folder != "":
		return errors.New("--dir is the folder of the node that --start starts")
	case f.lbs == "" && f.link == "":
		return errors.New("which node? --start <binary>, or a running one: --lbs <url>, or --link <host:port> --key <key> --api <url>")
	case f.lbs != "" && f.link != "":
		return errors.New("give either --lbs or --link, not both")
	case f.link != "" && f.key == "":
		return errors.New("--link needs --key, the gateway's public key as LBS and `yizhan status` show it")
	case f.link != "" && f.apiURL == "":
		return errors.New("--link needs --api, the URL of the HTTP API, to make accounts")
	case (f.appKey == "") != (f.secret == ""):
		return errors.New("--appkey and --secret belong together")
	case f.appKey == "" && f.admin == "":
		return errors.New("give --admin, to make a tenant for this run, or --appkey and --secret of one whose limits are high enough")
	}
	return nil
}

// open finds or starts the node and makes a tenant.
func (f *subjectFlags) open(ctx context.Context, log *slog.Logger) (_ *subject, err error) {
	s := &subject{run: rand.Uint32N(1 << (4 * runDigits)), pid: f.pid, log: log}
	if f.compress {
		s.codecs = secure.AllCodecs
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.close())
		}
	}()
	known := *f
	if f.start != "" {
		if err := s.start(ctx, f.start, f.folder); err != nil {
			return nil, err
		}
		known.lbs, known.apiURL, known.admin = s.node.lbsURL(), s.node.apiURL(), s.node.admin
		s.pid = s.node.pid()
	}
	if known.apiURL == "" {
		u, err := url.Parse(known.lbs)
		if err != nil {
			return nil, fmt.Errorf("--lbs: %w", err)
		}
		known.apiURL = u.Scheme + "://" + u.Host
	}
	if known.admin != "" {
		s.admin = newAdmin(known.admin)
		s.meter = s.admin
	}
	if s.pid != 0 {
		s.meter = procMeter{pid: s.pid}
	}
	if err := s.openTenant(ctx, &known); err != nil {
		return nil, err
	}
	if s.web, err = known.findWeb(s.node); err != nil {
		return nil, err
	}
	s.gateway, err = known.findGateway(ctx, s.api.tenant.AppKey)
	return s, err
}

func (f *subjectFlags) findGateway(ctx context.Context, appKey string) (gateway, error) {
	if f.lbs != "" {
		return askLBS(ctx, f.lbs, appKey)
	}
	key, err := secure.ParsePublicKey(f.key)
	if err != nil {
		return gateway{}, fmt.Errorf("--key: %w", err)
	}
	return gateway{address: f.link, key: key}, nil
}

// openTenant takes the tenant that was given, or makes one.
func (s *subject) openTenant(ctx context.Context, f *subjectFlags) error {
	t := &tenant{AppKey: f.appKey, AppSecret: f.secret}
	if t.AppKey == "" {
		var err error
		if t, err = s.admin.createTenant(ctx, fmt.Sprintf("bench-%06x", s.run)); err != nil {
			return err
		}
	}
	s.api = newAPI(f.apiURL, *t)
	return nil
}

// start starts a node with its data in folder, by default a new one that is
// removed afterwards.
func (s *subject) start(ctx context.Context, binary, folder string) error {
	var err error
	if folder == "" {
		if folder, err = os.MkdirTemp("", "yizhan-bench-"); err != nil {
			return err
		}
		s.cleanup = append(s.cleanup, func() error { return os.RemoveAll(folder) })
	} else if err := os.MkdirAll(folder, 0o700); err != nil {
		return fmt.Errorf("--dir: %w", err)
	}
	if inMemory(folder) {
		s.notes = append(s.notes, fmt.Sprintf("%s is in memory (tmpfs): nothing is durable there, so the figures are too good; give --dir", folder))
	}
	fsync, err := fsyncTime(folder)
	if err != nil {
		return fmt.Errorf("the node's folder: %w", err)
	}
	s.fsyncMs = milliseconds(fsync)
	s.log.Info("starting a node", "binary", binary, "folder", folder)
	s.node, err = startNode(ctx, binary, folder)
	return err
}

// inMemory reports whether folder lives on tmpfs.
func inMemory(folder string) bool {
	var fs unix.Statfs_t
	return unix.Statfs(folder, &fs) == nil && fs.Type == unix.TMPFS_MAGIC
}

// close stops the node that open started, and removes its folder.
func (s *subject) close() error {
	var errs []error
	if s.node != nil {
		errs = append(errs, s.node.stop())
	}
	for _, f := range s.cleanup {
		errs = append(errs, f())
	}
	return errors.Join(errs...)
}

// createAccounts makes n accounts for this run.
func (s *subject) createAccounts(ctx context.Context, n int) ([]account, error) {
	s.log.Info("creating accounts", "count", n)
	return s.api.createAccounts(ctx, fmt.Sprintf("b%06x", s.run), n)
}

func (s *subject) dialer(readBuffer int) *dialer {
	return &dialer{
		gateway: s.gateway, appKey: s.api.tenant.AppKey,
		options: channel.Options{Codecs: s.codecs, HandshakeTimeout: requestTimeout, ReadBuffer: readBuffer},
	}
}

// result starts the report of a scenario.
func (s *subject) result(scenario string, parameters map[string]any) *Result {
	r := &Result{Scenario: scenario, Started: time.Now(), Host: hostFacts(), Parameters: parameters, Notes: s.notes}
	r.Host.Shared = s.pid != 0
	r.Host.FsyncMs = s.fsyncMs
	return r
}
