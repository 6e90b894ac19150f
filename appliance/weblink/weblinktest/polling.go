package weblinktest

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"sync"
)

// separator stands between the packets of one HTTP body (Engine.IO protocol,
// "HTTP long-polling").
const separator = 0x1e

// polling is a session that stays on long-polling.
type polling struct {
	life   context.Context
	client *http.Client
	cancel context.CancelFunc
	url    string
	got    [][]byte // packets of the last poll that receive has not returned

	mu sync.Mutex // held while a body is posted
}

func dialPolling(_, life context.Context, url string, _ Options) (transport, error) {
	life, cancel := context.WithCancel(life)
	p := &polling{life: life, cancel: cancel, client: &http.Client{Transport: new(http.Transport)}, url: url + "?EIO=4&transport=polling"}
	packet, err := p.receive()
	var hand struct {
		SID string `json:"sid"`
	}
	switch {
	case err != nil:
	case len(packet) == 0 || packet[0] != engineOpen:
		err = fmt.Errorf("the session starts with the packet %q", packet)
	default:
		err = json.Unmarshal(packet[1:], &hand)
	}
	if err != nil {
		p.close()
		return nil, err
	}
	p.url += "&sid=" + hand.SID
	return p, nil
}

func (p *polling) send(packet []byte) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	_, err := p.do(http.MethodPost, packet)
	return err
}

func (p *polling) sendBinary(data []byte) error {
	return p.send(append([]byte{'b'}, base64.StdEncoding.EncodeToString(data)...))
}

func (p *polling) receive() ([]byte, error) {
	for len(p.got) == 0 {
		body, err := p.do(http.MethodGet, nil)
		if err != nil {
			return nil, err
		}
		p.got = bytes.Split(body, []byte{separator})
	}
	packet := p.got[0]
	p.got = p.got[1:]
	return packet, nil
}

func (p *polling) do(method string, body []byte) ([]byte, error) {
	r, err := http.NewRequestWithContext(p.life, method, p.url, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	response, err := p.client.Do(r)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: HTTP %d: %s", method, response.StatusCode, text)
	}
	return text, err
}

func (p *polling) close() {
	p.cancel()
	p.client.CloseIdleConnections()
}
