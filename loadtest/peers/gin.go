// A peer of the load tests: gin and gorilla/websocket in their usual pattern, a goroutine that reads and one that pings
// for each socket.
package main

import (
	"io"
	"net/http"
	"os"
	"sync"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/gorilla/websocket"
)

const (
	heartbeat = 25 * time.Second
	writeWait = 10 * time.Second
)

type socket struct {
	*websocket.Conn
	writing sync.Mutex
}

var (
	sockets  sync.Map
	upgrader = websocket.Upgrader{CheckOrigin: func(*http.Request) bool { return true }}
)

func open(c *gin.Context) {
	conn, err := upgrader.Upgrade(c.Writer, c.Request, nil)
	if err != nil {
		return
	}
	scene, gone := c.Query("scene"), make(chan struct{})
	held := &socket{Conn: conn}
	sockets.Store(scene, held)
	go held.ping(gone)
	go func() {
		defer func() {
			close(gone)
			sockets.Delete(scene)
			conn.Close()
		}()
		for {
			if _, _, err := conn.ReadMessage(); err != nil {
				return
			}
		}
	}()
}

func (s *socket) ping(gone chan struct{}) {
	ticker := time.NewTicker(heartbeat)
	defer ticker.Stop()
	for {
		select {
		case <-gone:
			return
		case <-ticker.C:
			if s.WriteControl(websocket.PingMessage, nil, time.Now().Add(writeWait)) != nil {
				return
			}
		}
	}
}

func callback(c *gin.Context) {
	found, ok := sockets.LoadAndDelete(c.Query("scene"))
	event, err := io.ReadAll(c.Request.Body)
	if !ok || err != nil {
		c.Status(http.StatusNotFound)
		return
	}
	s := found.(*socket)
	s.writing.Lock()
	defer s.writing.Unlock()
	s.SetWriteDeadline(time.Now().Add(writeWait))
	if s.WriteMessage(websocket.TextMessage, event) != nil {
		c.Status(http.StatusGone)
		return
	}
	bye := websocket.FormatCloseMessage(websocket.CloseNormalClosure, "")
	s.WriteControl(websocket.CloseMessage, bye, time.Now().Add(writeWait))
	c.String(http.StatusOK, "ok")
}

func status(c *gin.Context) {
	_, ok := sockets.Load(c.Query("scene"))
	c.JSON(http.StatusOK, gin.H{"status": "waiting", "socket": ok})
}

func main() {
	gin.SetMode(gin.ReleaseMode)
	router := gin.New()
	router.GET("/ws", open)
	router.POST("/callback", callback)
	router.GET("/status", status)
	if err := router.Run("127.0.0.1:" + os.Args[1]); err != nil {
		panic(err)
	}
}
