package chat

import (
	"bufio"
	"io"
	"os"

	"golang.org/x/term"
)

// maxLine is the longest line of input from a pipe, in bytes; a message may
// have 5000 characters.
const maxLine = 64 << 10

// prompt is what a person sees before what he types.
const prompt = "> "

// console is where lines come from and go to: a terminal with line editing when
// both ends are one, plain streams otherwise. Write may be called from any
// goroutine on a terminal; the screen serialises it on streams.
type console struct {
	io.Writer
	in       io.Reader
	terminal *term.Terminal // nil on plain streams
	restore  func()
}

func newConsole(stdin io.Reader, stdout io.Writer) (*console, error) {
	in, inFile := stdin.(*os.File)
	out, outFile := stdout.(*os.File)
	if !inFile || !outFile || !term.IsTerminal(int(in.Fd())) || !term.IsTerminal(int(out.Fd())) {
		return &console{Writer: stdout, in: stdin, restore: func() {}}, nil
	}
	before, err := term.MakeRaw(int(in.Fd()))
	if err != nil {
		return nil, err
	}
	terminal := term.NewTerminal(struct {
		io.Reader
		io.Writer
	}{in, out}, prompt)
	if width, height, err := term.GetSize(int(out.Fd())); err == nil && width > 0 {
		_ = terminal.SetSize(width, height) // wrong line breaks are no reason to fail
	}
	return &console{
		Writer: terminal, terminal: terminal,
		restore: func() {
			_ = term.Restore(int(in.Fd()), before)
			_, _ = io.WriteString(out, "\n") // past the prompt
		},
	}, nil
}

// close gives the terminal back as it was.
func (c *console) close() { c.restore() }

// input is a line, or why there are no more: io.EOF at the end.
type input struct {
	line string
	err  error
}

// lines reads the input; the channel's last value has an error.
func (c *console) lines() <-chan input {
	lines := make(chan input)
	go func() {
		next := c.scan()
		for {
			line, err := next()
			lines <- input{line, err}
			if err != nil {
				return
			}
		}
	}()
	return lines
}

func (c *console) scan() func() (string, error) {
	if c.terminal != nil {
		return func() (string, error) {
			line, err := c.terminal.ReadLine()
			if err == term.ErrPasteIndicator {
				err = nil
			}
			return line, err
		}
	}
	scanner := bufio.NewScanner(c.in)
	scanner.Buffer(nil, maxLine)
	return func() (string, error) {
		if scanner.Scan() {
			return scanner.Text(), nil
		}
		if err := scanner.Err(); err != nil {
			return "", err
		}
		return "", io.EOF
	}
}
