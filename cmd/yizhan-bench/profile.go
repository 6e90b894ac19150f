package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime/pprof"
	"time"
)

// profiler writes profiles of driver and node while a scenario is measured. A
// nil profiler writes none.
type profiler struct {
	folder   string
	scenario string
	admin    *admin
}

func newProfiler(folder, scenario string, a *admin) (*profiler, error) {
	if folder == "" {
		return nil, nil
	}
	if a == nil {
		return nil, fmt.Errorf("--profile reads the node's profile at its admin endpoint: give --admin")
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return nil, fmt.Errorf("--profile: %w", err)
	}
	return &profiler{folder: folder, scenario: scenario, admin: a}, nil
}

// cpu writes the CPU profiles of the next d, as <scenario>-driver.pprof and
// <scenario>-node.pprof. The returned function waits for them.
func (p *profiler) cpu(ctx context.Context, d time.Duration) (done func() error, err error) {
	if p == nil {
		return func() error { return nil }, nil
	}
	driver, err := os.Create(p.file("driver"))
	if err != nil {
		return nil, fmt.Errorf("--profile: %w", err)
	}
	if err := pprof.StartCPUProfile(driver); err != nil {
		return nil, fmt.Errorf("--profile: %w", err)
	}
	result := make(chan error, 1)
	go func() {
		result <- p.admin.saveProfile(ctx, fmt.Sprintf("profile?seconds=%d", max(int(d.Seconds()), 1)), p.file("node"))
	}()
	return func() error {
		err := <-result
		pprof.StopCPUProfile()
		if closeErr := driver.Close(); err == nil {
			err = closeErr
		}
		return err
	}, nil
}

// memory writes what the node's memory holds now, as <scenario>-heap.pprof and
// <scenario>-goroutines.pprof.
func (p *profiler) memory(ctx context.Context) error {
	if p == nil {
		return nil
	}
	if err := p.admin.saveProfile(ctx, "heap?gc=1", p.file("heap")); err != nil {
		return err
	}
	return p.admin.saveProfile(ctx, "goroutine", p.file("goroutines"))
}

func (p *profiler) file(what string) string {
	return filepath.Join(p.folder, p.scenario+"-"+what+".pprof")
}
