// An MCP client on the Go SDK that is told what to do: one JSON object a line in, one a line out (see ../program.ts).
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"log"
	"os"
	"runtime/debug"
	"strings"

	"github.com/modelcontextprotocol/go-sdk/mcp"
)

const sdk = "github.com/modelcontextprotocol/go-sdk"

// reply is what the person answers to a question.
type reply struct {
	Action string `json:"action"`
	Name   string `json:"name"`
}

type order struct {
	Do        string         `json:"do"`
	Tool      string         `json:"tool"`
	Arguments map[string]any `json:"arguments"`
	Reply     reply          `json:"reply"`
}

type answer struct {
	Version    string   `json:"version,omitempty"`
	Tools      []string `json:"tools,omitempty"`
	IsError    bool     `json:"isError"`
	Text       string   `json:"text"`
	Structured any      `json:"structured,omitempty"`
	Asked      []string `json:"asked"`
	Failure    string   `json:"failure,omitempty"`
}

// person answers the questions of the running call and remembers them. Calls run one after the other.
type person struct {
	reply reply
	asked []string
}

func (p *person) ask(_ context.Context, request *mcp.ElicitRequest) (*mcp.ElicitResult, error) {
	p.asked = append(p.asked, request.Params.Message)
	result := &mcp.ElicitResult{Action: p.reply.Action}
	if p.reply.Action == "accept" {
		result.Content = map[string]any{"name": p.reply.Name}
	}
	return result, nil
}

func main() {
	ctx := context.Background()
	user := &person{}
	client := mcp.NewClient(
		&mcp.Implementation{Name: "interop-go", Version: "1"},
		&mcp.ClientOptions{ElicitationHandler: user.ask},
	)
	session, err := client.Connect(ctx, &mcp.StreamableClientTransport{Endpoint: os.Args[1]}, nil)
	if err != nil {
		log.Fatal(err)
	}
	defer session.Close()

	out := json.NewEncoder(os.Stdout)
	if err := out.Encode(answer{Version: sdkVersion()}); err != nil {
		log.Fatal(err)
	}
	in := bufio.NewScanner(os.Stdin)
	for in.Scan() {
		var next order
		if err := json.Unmarshal(in.Bytes(), &next); err != nil {
			log.Fatal(err)
		}
		if err := out.Encode(carryOut(ctx, session, user, next)); err != nil {
			log.Fatal(err)
		}
	}
}

func carryOut(ctx context.Context, session *mcp.ClientSession, user *person, next order) answer {
	if next.Do == "list" {
		result, err := session.ListTools(ctx, nil)
		if err != nil {
			return answer{Failure: err.Error()}
		}
		names := []string{}
		for _, tool := range result.Tools {
			names = append(names, tool.Name)
		}
		return answer{Tools: names}
	}
	user.reply, user.asked = next.Reply, []string{}
	result, err := session.CallTool(ctx, &mcp.CallToolParams{Name: next.Tool, Arguments: next.Arguments})
	if err != nil {
		return answer{Failure: err.Error()}
	}
	lines := []string{}
	for _, block := range result.Content {
		if text, ok := block.(*mcp.TextContent); ok {
			lines = append(lines, text.Text)
		}
	}
	return answer{
		IsError:    result.IsError,
		Text:       strings.Join(lines, "\n"),
		Structured: result.StructuredContent,
		Asked:      user.asked,
	}
}

// sdkVersion is the version that this program was built with.
func sdkVersion() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		log.Fatal("this program was built without module information")
	}
	for _, module := range info.Deps {
		if module.Path == sdk {
			return strings.TrimPrefix(module.Version, "v")
		}
	}
	log.Fatalf("%s is not built into this program", sdk)
	return ""
}
