package main

import (
	"context"
	"crypto/sha1"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/yizhan-im/yizhan/appliance/wire"
)

// api is the HTTP API as a tenant's backend calls it.
type api struct {
	base   string // scheme://host[:port]
	tenant tenant
	client *http.Client
}

// apiWorkers is how many calls are under way at once: enough for the node to
// commit many accounts together.
const apiWorkers = 64

func newAPI(base string, t tenant) *api {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxIdleConnsPerHost = apiWorkers
	transport.MaxConnsPerHost = apiWorkers
	return &api{
		base:   strings.TrimSuffix(base, "/"),
		tenant: t,
		client: &http.Client{Transport: transport, Timeout: 30 * time.Second},
	}
}

// account is one that this driver made, with what it needs to log in.
type account struct{ name, token string }

// createAccounts makes n accounts, named prefix-0 and so on.
func (a *api) createAccounts(ctx context.Context, prefix string, n int) ([]account, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	accounts := make([]account, n)
	var next atomic.Int64
	var workers sync.WaitGroup
	for range min(apiWorkers, n) {
		workers.Go(func() {
			for i := int(next.Add(1)) - 1; i < n && ctx.Err() == nil; i = int(next.Add(1)) - 1 {
				name := fmt.Sprintf("%s-%d", prefix, i)
				token, err := a.createAccount(ctx, name)
				if err != nil {
					cancel(fmt.Errorf("creating account %s: %w", name, err))
					return
				}
				accounts[i] = account{name: name, token: token}
			}
		})
	}
	workers.Wait()
	return accounts, context.Cause(ctx)
}

// A temporary refusal (rate limit, overload) is tried again, each time after
// twice as long.
const (
	accountAttempts   = 8
	firstAccountPause = 50 * time.Millisecond
)

func (a *api) createAccount(ctx context.Context, name string) (token string, err error) {
	pause := firstAccountPause
	for range accountAttempts {
		token, err = a.tryCreateAccount(ctx, name)
		if !wire.CodeOf(err).Temporary() {
			return token, err
		}
		if err := wait(ctx, pause); err != nil {
			return "", err
		}
		pause *= 2
	}
	return token, err
}

func (a *api) tryCreateAccount(ctx context.Context, name string) (string, error) {
	var answer struct {
		Info struct {
			Token string `json:"token"`
		} `json:"info"`
	}
	err := a.call(ctx, "user/create", url.Values{"accid": {name}}, &answer)
	return answer.Info.Token, err
}

// call makes one call in the API's conventions: a signed POST of a form, and an
// answer that carries a code. The caller's answer gets the rest of it.
func (a *api) call(ctx context.Context, action string, form url.Values, answer any) error {
	address := a.base + "/nimserver/" + action + ".action"
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, address, strings.NewReader(form.Encode()))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded;charset=utf-8")
	a.sign(request.Header, time.Now())
	body, err := fetch(a.client, request)
	if err != nil {
		return err
	}
	var envelope struct {
		Code wire.Code `json:"code"`
		Desc any       `json:"desc"`
	}
	if err := json.Unmarshal(body, &envelope); err != nil {
		return fmt.Errorf("%s: the answer is not JSON: %w", address, err)
	}
	if envelope.Code != wire.CodeOK {
		return wire.Errorf(envelope.Code, "%v", envelope.Desc)
	}
	return json.Unmarshal(body, answer)
}

// sign adds the headers that prove knowledge of the tenant's secret.
func (a *api) sign(header http.Header, now time.Time) {
	const nonce = "yizhan-bench"
	seconds := strconv.FormatInt(now.Unix(), 10)
	sum := sha1.Sum([]byte(a.tenant.AppSecret + nonce + seconds))
	header.Set("AppKey", a.tenant.AppKey)
	header.Set("Nonce", nonce)
	header.Set("CurTime", seconds)
	header.Set("CheckSum", hex.EncodeToString(sum[:]))
}

// wait sleeps for d unless ctx ends first.
func wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
