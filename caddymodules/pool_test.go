package caddymodules

import (
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"
)

// startApp starts a as Caddy would, and stops it with the test if it still runs.
func startApp(t *testing.T, a *App) *App {
	t.Helper()
	a.Link.Listen = []string{"127.0.0.1:0"}
	a.Drain = caddy.Duration(time.Millisecond) + a.Drain
	if err := provisioned(t, a); err != nil {
		t.Fatal(err)
	}
	if err := a.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := a.Stop(); err != nil {
			t.Error(err)
		}
	})
	return a
}

func TestTheNodeRunsWithTheNewestConfigurationThatStarted(t *testing.T) {
	dir := t.TempDir()
	first := startApp(t, &App{DataDir: dir, Drain: 1})
	node := first.node

	// A reload: the new one starts, the old one stops.
	second := startApp(t, &App{DataDir: dir, Drain: 2})
	if second.node != node {
		t.Fatal("a reload opened another node")
	}
	if err := first.Stop(); err != nil {
		t.Fatal(err)
	}
	if node.drain != time.Duration(second.Drain) {
		t.Errorf("after a reload drain is %v, want %v", node.drain, second.Drain)
	}

	// A reload that fails elsewhere: the new one stops again.
	third := startApp(t, &App{DataDir: dir, Drain: 3})
	if node.drain != time.Duration(third.Drain) {
		t.Errorf("while the third starts drain is %v, want %v", node.drain, third.Drain)
	}
	if err := third.Stop(); err != nil {
		t.Fatal(err)
	}
	if node.drain != time.Duration(second.Drain) {
		t.Errorf("after a failed reload drain is %v, want %v", node.drain, second.Drain)
	}
	if _, err := node.Tenants(t.Context()); err != nil {
		t.Errorf("the node does not serve any more: %v", err)
	}
}

func TestANodeCannotTakeAnotherName(t *testing.T) {
	dir := t.TempDir()
	first := startApp(t, &App{DataDir: dir, NodeID: "one"})
	other := &App{DataDir: dir, NodeID: "two"}
	if err := provisioned(t, other); err != nil {
		t.Fatal(err)
	}
	if err := other.Start(); err == nil {
		t.Error("the node took another name")
	}
	if _, err := first.node.Tenants(t.Context()); err != nil {
		t.Errorf("the node does not serve any more: %v", err)
	}
}
