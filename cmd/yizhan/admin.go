package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/spf13/cobra"
)

// adminClient asks a running node through Caddy's admin endpoint.
type adminClient struct{ address string }

const (
	// defaultAdminAddress is Caddy's own default.
	defaultAdminAddress = "127.0.0.1:2019"
	// adminTimeout leaves room for a command that waits for its commit.
	adminTimeout = 30 * time.Second
	// maxAdminAnswer bounds an answer, in bytes: 10,000 tenants need about 3 MB.
	maxAdminAnswer = 32 << 20
)

func (a *adminClient) addFlag(cmd *cobra.Command) {
	cmd.PersistentFlags().StringVar(&a.address, "address", defaultAdminAddress, "Address of the node's admin endpoint, host:port or unix//path")
}

// do sends request, if it is not nil, as JSON and decodes the answer into answer.
// The errors of caddycmd.AdminAPIRequest would not tell a node that refuses, and
// says why, from one that does not answer.
func (a *adminClient) do(method, path string, request, answer any) error {
	address, err := caddy.ParseNetworkAddress(a.address)
	if err != nil {
		return fmt.Errorf("--address: %w", err)
	}
	var body io.Reader
	if request != nil {
		b, err := json.Marshal(request)
		if err != nil {
			return err
		}
		body = bytes.NewReader(b)
	}
	// The host's name means nothing on a unix socket, and the endpoint accepts
	// only requests that come from its own origin.
	host := "127.0.0.1"
	if !address.IsUnixNetwork() {
		host = address.JoinHostPort(0)
	}
	ctx, cancel := context.WithTimeout(context.Background(), adminTimeout)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, method, "http://"+host+path, body)
	if err != nil {
		return fmt.Errorf("--address: %w", err)
	}
	r.Header.Set("Content-Type", "application/json")
	if !address.IsUnixNetwork() {
		r.Header.Set("Origin", "http://"+host)
	}
	client := http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			var d net.Dialer
			return d.DialContext(ctx, address.Network, address.JoinHostPort(0))
		},
	}}
	resp, err := client.Do(r)
	if err != nil {
		return fmt.Errorf("%w (is the node running, and is its admin endpoint %s? see --address)", err, a.address)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(io.LimitReader(resp.Body, maxAdminAnswer))
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return refusal(resp, b)
	}
	if err := json.Unmarshal(b, answer); err != nil {
		return fmt.Errorf("the node's answer is not what this version of yizhan expects: %w", err)
	}
	return nil
}

// refusal is the error in a node's answer.
func refusal(resp *http.Response, body []byte) error {
	var told struct {
		Error string `json:"error"`
	}
	if json.Unmarshal(body, &told) == nil && told.Error != "" {
		return errors.New(told.Error)
	}
	return fmt.Errorf("the node answers %s", resp.Status)
}

// printJSON writes v for programs to read.
func printJSON(w io.Writer, v any) error {
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	return encoder.Encode(v)
}
