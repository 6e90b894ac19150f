package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"
)

// admin asks a node through its admin endpoint, which only the node's operator
// reaches.
type admin struct {
	address string // host:port
	client  *http.Client
}

func newAdmin(address string) *admin {
	return &admin{address: address, client: &http.Client{}}
}

// adminTimeout bounds every request but a profile, which takes as long as it is
// told to.
const adminTimeout = 10 * time.Second

// tenant is a tenant that this driver made for itself.
type tenant struct {
	AppKey    string `json:"app_key"`
	AppSecret string `json:"app_secret"`
}

// tenantRequest is what the endpoint takes, as far as this driver needs it. It
// refuses fields that it does not know.
type tenantRequest struct {
	AppKey            string `json:"app_key"`
	Name              string `json:"name"`
	RequestsPerSecond int    `json:"requests_per_second"`
	RequestBurst      int    `json:"request_burst"`
	APIPerSecond      int    `json:"api_per_second"`
}

// noLimit is a rate, per second, that no run reaches.
const noLimit = 1_000_000

// createTenant makes a tenant whose limits do not stand in the way of a
// measurement.
func (a *admin) createTenant(ctx context.Context, appKey string) (*tenant, error) {
	body, err := json.Marshal(tenantRequest{
		AppKey: appKey, Name: "yizhan-bench",
		RequestsPerSecond: noLimit, RequestBurst: noLimit, APIPerSecond: noLimit,
	})
	if err != nil {
		return nil, err
	}
	answer, err := a.do(ctx, http.MethodPost, "/yizhan/tenants", body)
	if err != nil {
		return nil, fmt.Errorf("creating a tenant: %w", err)
	}
	t := new(tenant)
	if err := json.Unmarshal(answer, t); err != nil {
		return nil, fmt.Errorf("creating a tenant: %w", err)
	}
	return t, nil
}

// ready reports whether the node serves.
func (a *admin) ready(ctx context.Context) error {
	_, err := a.do(ctx, http.MethodGet, "/yizhan/status", nil)
	return err
}

// collectGarbage makes the node collect its garbage: the heap profile does so
// when it is asked to.
func (a *admin) collectGarbage(ctx context.Context) error {
	_, err := a.do(ctx, http.MethodGet, "/debug/pprof/heap?gc=1", nil)
	return err
}

// The metrics that this driver reads.
const (
	metricCPU   = "process_cpu_seconds_total"
	metricRSS   = "process_resident_memory_bytes"
	metricHeap  = "go_memstats_heap_inuse_bytes"
	metricStack = "go_memstats_stack_inuse_bytes"
)

// metrics reads the node's metrics, those without labels.
func (a *admin) metrics(ctx context.Context) (map[string]float64, error) {
	text, err := a.do(ctx, http.MethodGet, "/metrics", nil)
	if err != nil {
		return nil, err
	}
	return parseMetrics(text), nil
}

// usage implements meter.
func (a *admin) usage() (usage, error) {
	m, err := a.metrics(context.Background())
	if err != nil {
		return usage{}, err
	}
	if m[metricRSS] == 0 {
		return usage{}, fmt.Errorf("%s: the node's metrics lack %s: give --pid instead", a.address, metricRSS)
	}
	return usage{CPU: time.Duration(m[metricCPU] * float64(time.Second)), RSS: int64(m[metricRSS])}, nil
}

// saveProfile writes one of the node's profiles into file.
func (a *admin) saveProfile(ctx context.Context, profile, file string) error {
	b, err := a.fetch(ctx, http.MethodGet, "/debug/pprof/"+profile, nil)
	if err != nil {
		return err
	}
	return os.WriteFile(file, b, 0o644)
}

func (a *admin) do(ctx context.Context, method, path string, body []byte) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, adminTimeout)
	defer cancel()
	return a.fetch(ctx, method, path, body)
}

func (a *admin) fetch(ctx context.Context, method, path string, body []byte) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, method, "http://"+a.address+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	if body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	return fetch(a.client, request)
}

// maxAnswer bounds an HTTP answer, in bytes.
const maxAnswer = 64 << 20

// fetch makes a request and returns the body of its answer; a status other than
// 200 is an error that quotes it.
func fetch(client *http.Client, request *http.Request) ([]byte, error) {
	response, err := client.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err != nil {
		return nil, err
	}
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s %s: %s: %.300s", request.Method, request.URL, response.Status, body)
	}
	return body, nil
}

// parseMetrics reads Prometheus' text format as far as it has no labels; the
// last of several lines of one name counts.
func parseMetrics(text []byte) map[string]float64 {
	metrics := map[string]float64{}
	lines := bufio.NewScanner(bytes.NewReader(text))
	for lines.Scan() {
		name, value, found := strings.Cut(lines.Text(), " ")
		if !found || strings.HasPrefix(name, "#") || strings.Contains(name, "{") {
			continue
		}
		if v, err := strconv.ParseFloat(value, 64); err == nil {
			metrics[name] = v
		}
	}
	return metrics
}
