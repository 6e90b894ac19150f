package search

import (
	"fmt"
	"io/fs"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/yizhan-im/yizhan/appliance/state"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

// BenchmarkApplied is what following costs the delivery of a message.
func BenchmarkApplied(b *testing.B) {
	d := newDirtySet()
	results := make([]any, 100)
	for i := range results {
		results[i] = &state.SendResult{Code: wire.CodeOK, Tenant: 1, From: "alice", To: fmt.Sprint("peer", i%50), Seq: 1, ID: 1}
	}
	b.ReportAllocs()
	for b.Loop() {
		d.applied(results)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/100, "ns/message")
}

// BenchmarkIndex is what a message costs the index: processor time, and bytes on
// disk. Half of the messages are Chinese.
func BenchmarkIndex(b *testing.B) {
	words := []string{"meeting", "tomorrow", "report", "please", "hello", "lunch", "today", "project"}
	chinese := []rune("今天天气很好我们去吃饭吧明天开会请带上报告你好吗谢谢收到了没有问题一下客户说这个项目需要时间")
	e, err := New(Config{Dir: b.TempDir()})
	if err != nil {
		b.Fatal(err)
	}
	defer e.Close()
	e.rest = 0
	batch := &batch{e: e, tenant: 1}
	before := processorTime()
	n := 0
	b.ReportAllocs()
	for b.Loop() {
		n++
		body := ""
		for i := range 8 {
			if n%2 == 0 {
				body += words[(n*7+i*i*n/3)%len(words)] + " "
			} else {
				body += string(chinese[(n*13+i*n)%len(chinese)]) + string(chinese[(n*5+i)%len(chinese)])
			}
		}
		batch.take(uint64(n%1000), &wire.Message{From: fmt.Sprint("user", n%1000), To: "peer", Id: uint64(n), Seq: uint64(n / 1000), Body: body, TimeMs: int64(n) * 1000})
		if len(batch.changes) == batchSize {
			if err := batch.flush(nil); err != nil {
				b.Fatal(err)
			}
		}
	}
	b.ReportMetric(float64(processorTime()-before)/1e3/float64(n), "cpu-µs/message")
	size := int64(0)
	_ = filepath.WalkDir(e.set.dir, func(_ string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			if info, err := d.Info(); err == nil {
				size += info.Size()
			}
		}
		return nil
	})
	b.ReportMetric(float64(size)/float64(n), "disk-B/message")
}

// processorTime is that of the whole process, in nanoseconds.
func processorTime() int64 {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return u.Utime.Nano() + u.Stime.Nano()
}
