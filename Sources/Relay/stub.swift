import Histogram
import Logging
import NIOPosix
import Collections
