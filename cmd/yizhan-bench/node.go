package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

// node is a node that this driver started for itself.
type node struct {
	command                  *exec.Cmd
	folder                   string
	http, https, link, admin string // addresses
	exited                   chan struct{}
	exit                     error // valid once exited is closed
}

const (
	// quickstartAppKey is the tenant that quickstart makes as its last step.
	quickstartAppKey = "demo"
	nodeLog          = "bench-node.log"
	startTimeout     = 60 * time.Second
	startPoll        = 50 * time.Millisecond
	stopTimeout      = 60 * time.Second
)

// startNode starts binary on free ports of the loopback interface, with all its
// data in folder, and returns when it serves.
func startNode(ctx context.Context, binary, folder string) (*node, error) {
	n := &node{folder: folder, exited: make(chan struct{})}
	for _, address := range []*string{&n.http, &n.https, &n.link, &n.admin} {
		free, err := freeAddress()
		if err != nil {
			return nil, err
		}
		*address = free
	}
	output, err := os.Create(filepath.Join(folder, nodeLog))
	if err != nil {
		return nil, err
	}
	defer output.Close() // the child has its own
	n.command = exec.Command(binary, "quickstart", "--dir", folder, "--http", n.http, "--https", n.https, "--link", n.link, "--admin", n.admin)
	n.command.Stdout, n.command.Stderr = output, output
	// A process group of its own: Ctrl-C at the terminal is for the driver, which
	// stops the node when it has finished with it.
	n.command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := n.command.Start(); err != nil {
		return nil, fmt.Errorf("--start: %w", err)
	}
	go func() {
		n.exit = n.command.Wait()
		close(n.exited)
	}()
	if err := n.awaitReady(ctx); err != nil {
		return nil, errors.Join(err, n.stop())
	}
	return n, nil
}

// awaitReady waits until the node serves at all three addresses.
func (n *node) awaitReady(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, startTimeout, fmt.Errorf("the node did not serve within %v", startTimeout))
	defer cancel()
	admin := newAdmin(n.admin)
	for {
		err := admin.ready(ctx)
		if err == nil {
			if _, err = askLBS(ctx, n.lbsURL(), quickstartAppKey); err == nil {
				return nil
			}
		}
		select {
		case <-n.exited:
			return fmt.Errorf("the node has ended: %v; its last words: %s", n.exit, n.lastWords())
		case <-ctx.Done():
			return fmt.Errorf("%w: %w; its last words: %s", context.Cause(ctx), err, n.lastWords())
		case <-time.After(startPoll):
		}
	}
}

func (n *node) apiURL() string { return "http://" + n.http }
func (n *node) lbsURL() string { return "http://" + n.http + "/lbs" }
func (n *node) pid() int       { return n.command.Process.Pid }

// stop ends the node gracefully, as Ctrl-C does, or by force when it does not
// end in time.
func (n *node) stop() error {
	if err := n.command.Process.Signal(os.Interrupt); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("stopping the node: %w", err)
	}
	timer := time.NewTimer(stopTimeout)
	defer timer.Stop()
	select {
	case <-n.exited:
		return nil
	case <-timer.C:
		err := n.command.Process.Kill()
		<-n.exited
		return errors.Join(fmt.Errorf("the node did not stop within %v and was killed", stopTimeout), err)
	}
}

// lastWords is the end of what the node printed.
func (n *node) lastWords() string {
	const most = 2000
	printed, err := os.ReadFile(filepath.Join(n.folder, nodeLog))
	if err != nil {
		return err.Error()
	}
	printed = bytes.TrimSpace(printed)
	return string(printed[max(len(printed)-most, 0):])
}

// freeAddress is a port of the loopback interface that is free now. It is below
// those that the kernel gives to outgoing connections (32768 and up, ip(7)), which
// could take it before the node does.
func freeAddress() (string, error) {
	var lastErr error
	for range 1000 {
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", 12_000+rand.IntN(20_000)))
		if err == nil {
			return l.Addr().String(), l.Close()
		}
		lastErr = err
	}
	return "", lastErr
}
