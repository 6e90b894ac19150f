package chat

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strconv"
	"strings"
	"time"

	"github.com/yizhan-im/yizhan/appliance/sdk"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

// commands does what the user types, one line after the other.
type commands struct {
	*settings
	client   *sdk.Client
	screen   *screen
	logLevel *slog.LevelVar

	failed bool // something was not done
}

// lastWords is how long the end waits for what was sent to appear.
const lastWords = 2 * time.Second

// errQuit ends the client.
var errQuit = errors.New("quit")

const helpText = `  TEXT               send TEXT to the current account (//TEXT sends /TEXT)
  /to ACCOUNT        talk to ACCOUNT
  /history [N]       the newest N messages (default 20, at most 100)
  /read [SEQ]        mark read, up to SEQ or what has been shown
  /recall [SEQ]      take back your message SEQ, or your latest
  /convs             all conversations
  /who [ACCOUNT]     a profile: yours, or ACCOUNT's
  /kick [SESSION]    end a session of yours on another device; without SESSION: list them
  /debug             show this client's state and switch its log on or off
  /quit              leave (so does Ctrl-C)`

// run does line after line until they end, /quit, or ctx ends; it returns the
// exit code.
func (c *commands) run(ctx context.Context, lines <-chan input) int {
	for {
		select {
		case in := <-lines:
			if in.err != nil {
				return c.end(ctx, in.err)
			}
			err := c.line(ctx, strings.TrimSpace(in.line))
			if errors.Is(err, errQuit) {
				return c.end(ctx, io.EOF)
			}
			if err != nil && ctx.Err() == nil {
				c.failed = true
				c.screen.println("* %s", clean(err.Error()))
			}
		case <-ctx.Done():
			return c.code()
		}
	}
}

// end is the orderly end: what was sent is shown first.
func (c *commands) end(ctx context.Context, why error) int {
	if !errors.Is(why, io.EOF) {
		c.failed = true
		c.screen.println("* reading the input: %v", why)
	} else if c.stay {
		<-ctx.Done()
		return c.code()
	}
	return c.code()
}

func (c *commands) code() int {
	if c.failed {
		return exitFailed
	}
	return exitOK
}

// showContext prints what this device has shown in an earlier run, so that what
// it missed since follows on something.
func (c *commands) showContext(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	peer, n := c.screen.current(), uint64(c.history)
	for _, conversation := range c.client.Conversations() {
		to := conversation.DeliveredSeq
		if conversation.Peer != peer || to == 0 || n == 0 {
			continue
		}
		page := sdk.Page{FromSeq: max(to, n) - n + 1, ToSeq: to, Limit: c.history}
		if err := c.printHistory(ctx, peer, page); err != nil && ctx.Err() == nil {
			c.screen.println("* history: %s", clean(err.Error()))
		}
	}
}

// line does one line.
func (c *commands) line(ctx context.Context, line string) error {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	if text, literal := strings.CutPrefix(line, "//"); literal {
		return c.send(ctx, "/"+text)
	}
	command, isCommand := strings.CutPrefix(line, "/")
	if !isCommand {
		return c.send(ctx, line)
	}
	name, argument, _ := strings.Cut(command, " ")
	argument = strings.TrimSpace(argument)
	switch name {
	case "to":
		return c.to(argument)
	case "history":
		return c.newest(ctx, argument)
	case "read":
		return c.read(ctx, argument)
	case "recall":
		return c.recall(ctx, argument)
	case "convs":
		return c.conversations()
	case "who", "profile":
		return c.who(ctx, argument)
	case "kick":
		return c.kick(ctx, argument)
	case "debug":
		return c.debugging()
	case "help":
		c.screen.println("%s", helpText)
		return nil
	case "quit":
		return errQuit
	default:
		return fmt.Errorf("no command /%s: /help lists them", name)
	}
}

// peer is the current account.
func (c *commands) peer() (string, error) {
	peer := c.screen.current()
	if peer == "" {
		return "", errors.New("to whom? /to ACCOUNT says")
	}
	return peer, nil
}

func (c *commands) send(ctx context.Context, text string) error {
	if text == "" {
		return nil
	}
	peer, err := c.peer()
	if err != nil {
		return err
	}
	result, err := c.client.Send(ctx, peer, sdk.Text(text))
	if err != nil {
		return fmt.Errorf("not sent: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, lastWords)
	defer cancel()
	c.screen.waitShown(ctx, peer, result.Seq)
	return nil
}

func (c *commands) to(account string) error {
	if account == "" {
		peer, err := c.peer()
		if err == nil {
			c.screen.println("* talking to %s", peer)
		}
		return err
	}
	account = strings.ToLower(account)
	c.screen.to(account)
	c.screen.println("* talking to %s", clean(account))
	return nil
}

// number reads an optional argument.
func number(argument string, byDefault uint64) (uint64, error) {
	if argument == "" {
		return byDefault, nil
	}
	n, err := strconv.ParseUint(strings.TrimPrefix(argument, "#"), 10, 63)
	if err != nil || n == 0 {
		return 0, fmt.Errorf("%q is not a number from 1 on", argument)
	}
	return n, nil
}

func (c *commands) newest(ctx context.Context, argument string) error {
	peer, err := c.peer()
	if err != nil {
		return err
	}
	n, err := number(argument, 20)
	if err != nil {
		return err
	}
	return c.printHistory(ctx, peer, sdk.Page{Limit: int(min(n, 100))})
}

func (c *commands) printHistory(ctx context.Context, peer string, page sdk.Page) error {
	messages, _, err := c.client.History(ctx, peer, page)
	if err != nil {
		return err
	}
	for _, m := range messages {
		c.screen.println("%s", c.screen.describe(m, m.FromDevice == c.client.DeviceID()))
	}
	c.screen.println("* %d earlier messages with %s", len(messages), clean(peer))
	return nil
}

func (c *commands) read(ctx context.Context, argument string) error {
	peer, err := c.peer()
	if err != nil {
		return err
	}
	seq, err := number(argument, c.screen.lastShown(peer))
	if err != nil {
		return err
	}
	if seq == 0 {
		return errors.New("nothing has been shown yet: /read SEQ")
	}
	if err := c.client.MarkRead(ctx, peer, seq); err != nil {
		return err
	}
	c.screen.println("* read up to #%d", seq)
	return nil
}

func (c *commands) recall(ctx context.Context, argument string) error {
	peer, err := c.peer()
	if err != nil {
		return err
	}
	seq, err := number(argument, c.screen.lastOwn(peer))
	if err != nil {
		return err
	}
	if seq == 0 {
		return errors.New("you have sent nothing from here: /recall SEQ")
	}
	return c.client.Recall(ctx, peer, seq, "")
}

func (c *commands) conversations() error {
	for _, conversation := range c.client.Conversations() {
		c.screen.println("* %s: %d messages, you have read up to #%d, %[1]s up to #%[4]d",
			clean(conversation.Peer), conversation.LastSeq, conversation.ReadSeq, conversation.PeerReadSeq)
	}
	return nil
}

func (c *commands) who(ctx context.Context, account string) error {
	if account == "" {
		account = c.client.Account()
	}
	profiles, err := c.client.Profiles(ctx, strings.ToLower(account))
	if err != nil {
		return err
	}
	if len(profiles) == 0 {
		return fmt.Errorf("no account %s", account)
	}
	for _, p := range profiles {
		c.screen.println("* %s", describeProfile(p))
	}
	return nil
}

func describeProfile(p *wire.Profile) string {
	var b strings.Builder
	b.WriteString(clean(p.Account))
	for _, field := range []struct{ name, value string }{
		{"name", p.Name}, {"icon", p.Icon}, {"sign", p.Sign}, {"email", p.Email}, {"birth", p.Birth}, {"mobile", p.Mobile}, {"ex", p.Ex},
	} {
		if field.value != "" {
			fmt.Fprintf(&b, ", %s %s", field.name, clean(field.value))
		}
	}
	return b.String()
}

func (c *commands) kick(ctx context.Context, argument string) error {
	if argument == "" {
		others := c.client.Login().GetOthers()
		for _, other := range others {
			c.screen.println("* %s", describeDevice(other))
		}
		if len(others) == 0 {
			c.screen.println("* no other device was online when this one logged in")
		}
		return nil
	}
	session, err := strconv.ParseUint(argument, 10, 64)
	if err != nil {
		return fmt.Errorf("%q is not a session: /kick lists them", argument)
	}
	if err := c.client.KickOther(ctx, session); err != nil {
		return err
	}
	c.screen.println("* session %d is ended", session)
	return nil
}

func (c *commands) debugging() error {
	login := c.client.Login()
	c.screen.println("* account %s, device %s, session %d, heartbeat %ds, online %t, %d conversations, sdk %s",
		c.client.Account(), c.client.DeviceID(), login.GetSessionId(), login.GetHeartbeatSeconds(), login != nil,
		len(c.client.Conversations()), sdk.Version)
	if c.logLevel.Level() > slog.LevelError {
		c.logLevel.Set(slog.LevelDebug)
		c.screen.println("* log on")
	} else {
		c.logLevel.Set(slog.LevelError + 1)
		c.screen.println("* log off")
	}
	return nil
}
